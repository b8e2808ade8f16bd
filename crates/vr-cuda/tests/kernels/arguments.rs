//! The arguments in Rust are those of the source.

use vr_cuda::Kernel;
use vr_cuda::kernels::{self, SOURCE};

/// The fields of `struct NAME_arguments`, as (type without `const`, name).
fn fields(name: &str) -> Vec<(String, String)> {
    let head = format!("struct {name}_arguments {{");
    let (_, body) = SOURCE.split_once(&head).unwrap_or_else(|| panic!("the source has no {head}"));
    let (body, _) = body.split_once('}').unwrap();
    let without_comments: String = body
        .split("/*")
        .enumerate()
        .map(|(i, part)| if i == 0 { part } else { part.split_once("*/").unwrap().1 })
        .collect();
    let mut fields = Vec::new();
    for statement in without_comments.split(';').map(str::trim).filter(|s| !s.is_empty()) {
        let statement = statement.strip_prefix("const ").unwrap_or(statement);
        let (first, more) = statement.split_once(',').map_or((statement, None), |(a, b)| (a, Some(b)));
        let at = first.rfind([' ', '*']).unwrap() + 1;
        let (of_all, name) = (first[..at].trim_end_matches('*').trim(), first[at..].to_owned());
        let pointer = |stars: bool| if stars { format!("{of_all} *") } else { of_all.to_owned() };
        fields.push((pointer(first[..at].contains('*')), name));
        for name in more.into_iter().flat_map(|more| more.split(',')).map(str::trim) {
            fields.push((pointer(name.starts_with('*')), name.trim_start_matches('*').to_owned()));
        }
    }
    fields
}

fn check<K: Kernel>(seen: &mut Vec<&'static str>) {
    let own = K::arguments().into_iter().map(|(c, name)| (c.to_owned(), name.to_owned()));
    assert_eq!(fields(K::NAME), own.collect::<Vec<_>>(), "{}", K::NAME);
    seen.push(K::NAME);
}

macro_rules! check_all {
    ($seen:expr, $($kernel:ident),* $(,)?) => { $(check::<kernels::$kernel>($seen);)* };
}

/// The kernels of the source.
pub fn names() -> Vec<&'static str> {
    let heads = SOURCE.match_indices("\nKERNEL(");
    heads.map(|(at, head)| SOURCE[at + head.len()..].split_once(')').unwrap().0).collect()
}

#[test]
fn every_kernel_has_the_arguments_of_its_source() {
    let mut seen = Vec::new();
    check_all!(
        &mut seen,
        Activate,
        ActivateBackward,
        AdamW,
        Add,
        AddBias,
        AverageIn,
        Axpy,
        ChannelSums,
        ChannelSumsFold
    );
    check_all!(&mut seen, Combine, CombineEach, Copy, CrossEntropy, Deviations, Dot, Dropout, Fill, FromLanes);
    check_all!(
        &mut seen,
        GatherLabels,
        GatherPictures,
        Lion,
        LossSums,
        MaxPool,
        MaxPoolBackward,
        MeanAdd,
        MeanPool,
        MeanPoolBackward
    );
    check_all!(
        &mut seen,
        MeanWrite,
        NormBackward,
        NormBackwardFold,
        NormBackwardSums,
        NormFold,
        NormForward,
        NormMoments
    );
    check_all!(&mut seen, NormStored, ObserveVariance, ReadBf16, SgdMomentum, SumChunks, WriteBf16);
    let mut source = names();
    source.sort_unstable();
    seen.sort_unstable();
    assert_eq!(seen, source, "kernels of Rust and kernels of the source");
}
