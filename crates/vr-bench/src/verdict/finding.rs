//! What a statistic says of a claim, at one place or at several together.

/// What a statistic says of a claim, whatever the scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It speaks for the claim.
    For,
    /// It speaks against it.
    Against,
    /// It does not settle it.
    Open,
}

/// A claim tested at one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Test {
    /// Seeds that it comes from.
    pub n: usize,
    /// Whether the mean is as claimed.
    pub holds: bool,
    /// Two-sided p-value of a mean that lies on the edge between the two.
    pub p: f64,
}

/// Name of the correction for several places, for a rule.
pub const HOLM: &str = "corrected for the number of places by Holm's method";

/// The level of all tests together.
const LEVEL: f64 = 0.05;

/// A claim of all of several places: for it when every place is significantly as claimed, which needs no correction since
/// all must be; against it when one is significantly not, with Holm's correction. Of one seed, which knows no error, all
/// places must agree.
pub fn together(tests: &[Test]) -> Finding {
    let held = tests.iter().filter(|test| test.holds).count();
    match tests.iter().map(|test| test.n).min() {
        None | Some(0) => Finding::Open,
        Some(1) if held == tests.len() => Finding::For,
        Some(1) if held == 0 => Finding::Against,
        Some(1) => Finding::Open,
        Some(_) if significant(tests, false).contains(&true) => Finding::Against,
        Some(_) if tests.iter().all(|test| test.holds && test.p <= LEVEL) => Finding::For,
        Some(_) => Finding::Open,
    }
}

/// The same of several verdicts on one claim, each of its own: significant with Holm's correction, or of one seed the
/// direction.
pub fn each(tests: &[Test]) -> Vec<Finding> {
    let finding = |((test, holds), fails): ((&Test, bool), bool)| match test.n {
        1 if test.holds => Finding::For,
        1 => Finding::Against,
        _ if holds => Finding::For,
        _ if fails => Finding::Against,
        _ => Finding::Open,
    };
    tests.iter().zip(significant(tests, true)).zip(significant(tests, false)).map(finding).collect()
}

/// Which tests significantly hold, or significantly do not, with Holm's correction for all of them.
fn significant(tests: &[Test], holds: bool) -> Vec<bool> {
    holm(&tests.iter().map(|test| if test.holds == holds { test.p } else { 1.0 }).collect::<Vec<_>>())
}

/// Which of several tests are significant together: the smallest p-value against 5 % over their number, the next against
/// 5 % over one less, and so on up to the first that fails (Holm 1979).
fn holm(p: &[f64]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let passed = order.iter().enumerate().take_while(|&(rank, &i)| p[i] <= LEVEL / (p.len() - rank) as f64).count();
    let mut significant = vec![false; p.len()];
    order[..passed].iter().for_each(|&i| significant[i] = true);
    significant
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(n: usize, holds: bool, p: f64) -> Test {
        Test { n, holds, p }
    }

    #[test]
    fn holm_by_hand() {
        assert_eq!(holm(&[0.04]), [true]);
        // 0.01 ≤ 0.05/3, but 0.03 > 0.05/2, so the largest fails too.
        assert_eq!(holm(&[0.03, 0.01, 0.04]), [false, true, false]);
        assert_eq!(holm(&[0.02, 0.01, 0.04]), [true; 3]);
        assert!(holm(&[]).is_empty());
    }

    /// One significant exception among twenty places is what chance gives.
    #[test]
    fn an_exception_among_many_places_is_not_against() {
        let mut tests = vec![test(3, true, 1e-6); 19];
        tests.push(test(3, false, 0.04));
        assert_eq!(together(&tests), Finding::Open);
        assert_eq!(together(&tests[19..]), Finding::Against);
        assert_eq!(together(&tests[..19]), Finding::For);
        tests[19].p = 1e-6;
        assert_eq!(together(&tests), Finding::Against);
    }

    #[test]
    fn verdicts_on_one_claim_are_corrected_too() {
        let tests = [test(3, true, 0.03), test(3, false, 0.012), test(3, true, 0.04), test(1, true, 1.0)];
        assert_eq!(each(&tests), [Finding::Open, Finding::Against, Finding::Open, Finding::For]);
        assert_eq!(together(&tests[..3]), Finding::Against);
        assert_eq!(each(&tests[..1]), [Finding::For]);
    }

    #[test]
    fn one_seed_has_a_direction_only_where_all_places_agree() {
        let of = |holds: &[bool]| together(&holds.iter().map(|&holds| test(1, holds, f64::NAN)).collect::<Vec<_>>());
        assert_eq!([of(&[true, true]), of(&[false, false])], [Finding::For, Finding::Against]);
        assert_eq!([of(&[true, false]), of(&[])], [Finding::Open; 2]);
        assert_eq!(together(&[test(3, true, 0.0), test(0, false, 1.0)]), Finding::Open);
    }
}
