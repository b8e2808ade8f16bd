//! Configurations: what is valid means what it says, and whatever else is refused with its key and the nearest that
//! would do. `PROPTEST_CASES` says how many inputs each property sees.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use toml::{Table, Value};
use vr_bench::config::{TrainConfig, parse, read};
use vr_bench::settings::Model;
use vr_optim::{AdamWConfig, EstimatorConfig, RuleConfig};
use vr_run::config::{ConfigError, Source};

const EXAMPLE: &str = include_str!("../../../docs/train.toml");
const FILE: &str = "train.toml";

fn of(text: &str, overrides: &[&str]) -> Result<TrainConfig, ConfigError> {
    parse(Path::new(FILE), text, &overrides.iter().map(|&text| text.to_owned()).collect::<Vec<_>>())
}

/// Configurations that between them hold every key.
fn valid() -> Vec<String> {
    let folder = std::env::temp_dir();
    let file = format!("storage = {{ file = {{ folder = {:?} }} }}", folder.to_str().unwrap());
    vec![
        EXAMPLE.to_owned(),
        format!(
            r#"
data = {{ cifar10 = {folder:?} }}
locking = "unlocked"
[estimator.saga]
weight = 0.5
seed = 3
{file}
[rule.adamw]
beta1 = 0.9
beta2 = 0.999
epsilon = 1e-8
weight-decay = 0.01
[measures]
kind = "successive"
"#
        ),
        r#"
[estimator.mega-batch]
size = { growing = { first = 2, factor = 1.5, most = 8 } }
inner = { geometric = { mean = 4.0 } }
samples = "fresh"
gradients = "recomputed"
storage = "bf16"
seed = 1
[measures]
kind = { positions = { size = 2 } }
"#
        .into(),
        r#"
[estimator.mega-batch]
size = { constant = 10 }
inner = { fixed = 5 }
[estimator.mega-batch.storage.file]
folder = "."
"#
        .into(),
        r#"
[estimator.svrg]
snapshot = { moving-average = { keep = 0.9 } }
gradients = "stored"
storage = "bf16"
[schedule]
shape = { cosine = { last = 0.001 } }
by = "epoch"
warm-up = { epochs = 1.5, first = 0.0 }
"#
        .into(),
        r#"
[schedule]
shape = { polynomial = { last = 0.0, power = 2.0 } }
length = 30
"#
        .into(),
        "schedule.shape = \"constant\"".into(),
    ]
}

#[test]
fn what_is_left_out_has_a_default() {
    assert_eq!(of("", &[]).unwrap(), TrainConfig::default());
    let config =
        of("model = \"resnet110\"\n[rule.adamw]\nbeta1=0.9\nbeta2=0.99\nepsilon=1e-8\nweight-decay=0", &[]).unwrap();
    assert_eq!(config.model, Model::RESNET110);
    assert_eq!(
        config.rule,
        RuleConfig::AdamW(AdamWConfig { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.0 })
    );
    assert_eq!(config.method(), "sgd");
}

#[test]
fn the_whole_is_a_configuration_again() {
    for text in valid() {
        let config = of(&text, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let whole = config.to_toml().unwrap();
        assert_eq!(of(&whole, &[]).unwrap(), config, "{whole}");
        // As the manifest holds it.
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<TrainConfig>(&json).unwrap(), config, "{json}");
    }
    let never = of("checkpoints.minutes = inf", &[]).unwrap();
    assert_eq!(never.checkpoints.every, None);
    assert_eq!(of(&never.to_toml().unwrap(), &[]).unwrap(), never);
    assert_eq!(serde_json::from_str::<TrainConfig>(&serde_json::to_string(&never).unwrap()).unwrap(), never);
}

#[test]
fn overrides_go_before_the_file() {
    let set = [
        "model=resnet-small",
        "estimator = { saga = { weight = 1.0 } }",
        "locking=unlocked",
        "seeds=[3, 4]",
        "data.cifar10=.",
    ];
    let config = of(EXAMPLE, &set).unwrap();
    assert_eq!(config.model, Model::RESNET_SMALL);
    assert!(matches!(config.estimator, EstimatorConfig::Saga(_)));
    assert_eq!(config.seeds, [3, 4]);
    assert_eq!(of(EXAMPLE, &["epochs=1", "epochs=2"]).unwrap().epochs, 2);
}

/// Every part stands in the error's text.
#[track_caller]
fn refused(text: &str, overrides: &[&str], parts: &[&str]) {
    let error = of(text, overrides).expect_err(text).to_string();
    assert!(parts.iter().all(|part| error.contains(part)), "{text:?}: {error}");
}

#[test]
fn an_error_says_where_what_and_what_would_do() {
    refused("model = ", &[], &["`train.toml`, line 1, column 9"]);
    refused("seeds = [0]\n  epoch = 3", &[], &["`train.toml`, line 2, column 3: `epoch`", "nearest is `epochs`"]);
    refused("model = \"lennet\"", &[], &["line 1", "`model`", "`lennet`", "nearest is `lenet`"]);
    refused(
        "engine = \"gpu\"",
        &[],
        &["`engine`", "expected `cpu`, `candle` or, for a GPU, `cuda:0`", "nearest is `cpu`"],
    );
    #[cfg(not(feature = "cuda"))]
    refused("engine = \"cuda:0\"", &[], &["`engine`", "`cuda:0` is not in this build", "feature `cuda`"]);
    refused("[estimator.svgr]", &[], &["`estimator`", "`svgr`", "nearest is `svrg`"]);
    refused("[estimator.svrg]\nstrat = 1", &[], &["line 2", "`estimator.svrg.strat`", "nearest is `start`"]);
    refused("[estimator]\nsvrg = {}\nsaga = {}", &[], &["`estimator`", "several choices"]);
    refused("estimator = \"svrg\"", &[], &["`estimator.svrg`", "has options"]);
    refused("seeds = [0,\n 1, 'x']", &[], &["line 2, column 5: `seeds[2]`", "expected u64"]);
    refused("seeds = [1, 1]", &[], &["`seeds[1]`", "twice"]);
    refused("policies = []", &[], &["`policies`", "at least one"]);
    refused("epochs = 0", &[], &["`epochs`", "is 0", "nearest is `1`"]);
    refused("epochs = 300", &[], &["`epochs`", "ends after 250", "nearest is `250`"]);
    refused("train-size = 100\nbatch-size = 101", &[], &["line 2", "`batch-size`", "nearest is `100`"]);
    refused("train-size = 10001", &[], &["`train-size`", "nearest is `10000`"]);
    refused("schedule.base = nan", &[], &["`schedule.base`", "above 0 and finite"]);
    refused("schedule.drops = [1, -1]", &[], &["`schedule.drops[1]`", "nearest is `0`"]);
    refused("schedule.shape = 'cosin'", &[], &["`schedule.shape`", "`cosin`", "nearest is `cosine`"]);
    refused("[schedule]\nshape = 'constant'\ndrops = [1]", &[], &["line 3", "`schedule.drops`", "`steps`"]);
    refused("schedule.shape.cosine.last = 0.2", &[], &["`schedule.shape.cosine.last`", "nearest is `0.1`"]);
    refused(
        "schedule.shape.polynomial = { last = 0, power = 0 }",
        &[],
        &["`schedule.shape.polynomial.power`", "above 0"],
    );
    refused("schedule.warm-up = { epochs = 251 }", &[], &["`schedule.warm-up.epochs`", "nearest is `250`"]);
    refused("data = { cifar10 = 'nowhere' }", &[], &["`data.cifar10`", "`nowhere` is no folder"]);
    refused("[estimator.svrg]\ninterval = 0", &[], &["`estimator.svrg.interval`", "nearest is `1`"]);
    refused("[estimator.svrg.coefficient]\nper-tensor = [1.0]", &[], &["per-tensor", "1 numbers", "18 tensors"]);
    refused("[estimator.saga]\nweight = 0.5", &[], &["`locking`", "nearest is `unlocked`"]);
    refused("measures.kind = 'geometry'", &[], &["`measures.kind`", "sgd has none"]);
    refused("[estimator.mega-batch]\nsamples = 'fresh'", &[], &["`estimator.mega-batch.gradients`", "`recomputed`"]);
    refused("checkpoints.minutes = -1.0", &[], &["`checkpoints.minutes`", "is -1", "`inf`"]);
    let list = "rule.sgd-momentum = [0.9, 0.0, true]";
    refused(list, &[], &["line 1", "`rule.sgd-momentum`", "floating point `0.9`"]);
    let error = vr_run::config::parse::<TrainConfig>(FILE.as_ref(), list, &[]).unwrap_err().to_string();
    assert!(error.contains("line 1") && error.ends_with("`rule.sgd-momentum`: is a list; expected a table"), "{error}");
    refused("threads = 0", &[], &["`threads`", "nearest is `1`"]);
    refused("", &["epochs"], &["`--set epochs`", "`a.b=c`"]);
    refused("", &["=1"], &["`--set =1`"]);
    refused("epochs = 1", &["model=lenet", "epochs=none"], &["`--set epochs=none`", "`epochs`", "expected usize"]);
    refused("estimator.svrg.strat = 1", &["model=lenet"], &["`train.toml`, line 1", "strat"]);
}

#[test]
fn a_file_that_is_no_text_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let refused = |said: &str| {
        let error = read(&path, &[]).unwrap_err().to_string();
        assert!(error.contains(FILE) && error.contains(said), "{error}");
    };
    refused("read");
    std::fs::write(&path, b"model = \"lenet\"\nmethod = \"\xff\"").unwrap();
    refused("line 2, column 11: the text is not UTF-8");
    std::fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    refused("1048577");
}

/// Known attacks and accidents, each under the name of what it is.
#[test]
fn no_configuration_of_the_corpus_is_taken() {
    for entry in std::fs::read_dir("tests/corpus/configs").unwrap() {
        let path = entry.unwrap().path();
        let error = read(&path, &[]).expect_err(&path.display().to_string()).to_string();
        assert!(error.starts_with(&format!("`{}`, line ", path.display())), "{error}");
    }
}

/// The ways to all keys below a table.
fn ways(table: &Table, above: &[String], found: &mut Vec<Vec<String>>) {
    for (key, value) in table {
        let way = [above, std::slice::from_ref(key)].concat();
        found.push(way.clone());
        if let Value::Table(inner) = value {
            ways(inner, &way, found);
        }
    }
}

fn at<'a>(table: &'a mut Table, way: &[String]) -> &'a mut Table {
    way.iter().fold(table, |table, key| table[key].as_table_mut().unwrap())
}

/// A valid configuration and the way to one of its keys.
fn a_key() -> impl Strategy<Value = (Table, Vec<String>)> {
    (select(valid()), any::<Index>()).prop_map(|(text, index)| {
        let table: Table = text.parse().unwrap();
        let mut found = Vec::new();
        ways(&table, &[], &mut found);
        let way = found.swap_remove(index.index(found.len()));
        (table, way)
    })
}

/// A value that no key has where `value` is valid.
fn of_another_type(value: &Value, choice: usize) -> Value {
    let date = || Value::Datetime("2019-12-08".parse().unwrap());
    let others = match value {
        Value::String(_) => vec![Value::Integer(7), Value::Boolean(true), Value::Array(vec![])],
        Value::Integer(_) | Value::Float(_) => {
            vec!["much".into(), Value::Boolean(true), Value::Array(vec![]), Table::new().into()]
        }
        Value::Boolean(_) => vec!["true".into(), Value::Integer(1), date()],
        Value::Array(_) => vec![Value::Integer(7), "[]".into(), vec![Table::new()].into()],
        Value::Table(_) | Value::Datetime(_) => vec![Value::Integer(7), Value::Array(vec![]), Value::Boolean(false)],
    };
    others[choice % others.len()].clone()
}

proptest! {
    #[test]
    fn a_misspelt_key_is_named((mut table, way) in a_key(), place in any::<Index>(), letter in select(vec!["", "q", "zz"])) {
        let (key, above) = way.split_last().unwrap();
        let mut misspelt = key.clone();
        let place = place.index(key.len());
        misspelt.replace_range(place..=place, letter);
        let parent = at(&mut table, above);
        if parent.contains_key(&misspelt) || misspelt.is_empty() {
            return Ok(());
        }
        let value = parent.remove(key).unwrap();
        parent.insert(misspelt.clone(), value);
        let text = table.to_string();
        let error = of(&text, &[]).expect_err(&text).to_string();
        prop_assert!(error.contains(&misspelt), "{}\n{}", error, text);
        prop_assert!(error.contains("the nearest is `") || error.contains("missing field"), "{error}");
        prop_assert!(error.contains("`train.toml`, line "), "{}", error);
    }

    #[test]
    fn a_value_of_another_type_is_named((mut table, way) in a_key(), choice in any::<usize>()) {
        let (key, above) = way.split_last().unwrap();
        let value = &mut at(&mut table, above)[key];
        *value = of_another_type(value, choice);
        let text = table.to_string();
        let error = of(&text, &[]).expect_err(&text).to_string();
        prop_assert!(error.contains(key), "{}\n{}", error, text);
    }

    #[test]
    fn a_value_that_cannot_be_is_named((mut table, way) in a_key(), choice in any::<usize>()) {
        let (key, above) = way.split_last().unwrap();
        let value = &mut at(&mut table, above)[key];
        let wrong = match (value.clone(), key.as_str()) {
            // Any will do; and a table's values are those of its keys.
            (_, "method" | "out") | (Value::Table(_) | Value::Boolean(_) | Value::Datetime(_), _) => return Ok(()),
            (Value::String(text), _) => Value::String(format!("{text}x")),
            (Value::Integer(_), "start" | "seed" | "table-limit-mib" | "picture-limit-mib") => [-1, i64::MIN][choice % 2].into(),
            (Value::Integer(_), _) => [-1, 0, i64::MIN][choice % 3].into(),
            (Value::Float(_), "scalar") => [f64::NAN, f64::INFINITY][choice % 2].into(),
            (Value::Float(_), _) => [f64::NAN, f64::NEG_INFINITY, -1.0][choice % 3].into(),
            (Value::Array(_), "seeds" | "policies") => Value::Array(Vec::new()),
            (Value::Array(_), _) => Value::Array(vec![Value::Float(-1.0)]),
        };
        *value = wrong;
        let text = table.to_string();
        let error = of(&text, &[]).expect_err(&text).to_string();
        prop_assert!(error.contains(key), "{}\n{}", error, text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}", set in vec("\\PC{0,40}", 0..3)) {
        let set: Vec<_> = set.iter().map(String::as_str).collect();
        if let Err(error) = of(&text, &set) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn a_mutated_configuration_is_read_or_refused(
        text in select(valid()),
        changes in vec((any::<Index>(), 0..12_usize, select(vec!["", "\n", "[", "]", "=", "\"", ".", "9", "-", "{", "}", "é", "nan", "1e999"])), 1..6),
    ) {
        let mut characters: Vec<char> = text.chars().collect();
        for (place, len, inserted) in changes {
            // Also behind the last, and where earlier changes left nothing.
            let place = place.index(characters.len() + 1);
            let end = characters.len().min(place + len);
            characters.splice(place..end, inserted.chars());
        }
        let text: String = characters.into_iter().collect();
        match of(&text, &[]) {
            Ok(config) => prop_assert_eq!(of(&config.to_toml().unwrap(), &[]).unwrap(), config),
            Err(ConfigError::Syntax { place: Source::File { line, .. }, .. } | ConfigError::Key { place: Source::File { line, .. }, .. }) => {
                prop_assert!((1..=text.lines().count() + 1).contains(&line));
            }
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn any_table_of_known_keys_is_read_or_refused(
        values in vec((any::<Index>(), select(vec!["0", "1", "-1", "3", "0.5", "nan", "\"none\"", "\"standard\"", "[]", "[1, 2]", "{}", "true", "1979-05-27"])), 0..6),
    ) {
        let table: Table = EXAMPLE.parse().unwrap();
        let mut found = Vec::new();
        ways(&table, &[], &mut found);
        let set: Vec<String> =
            values.iter().map(|(index, value)| format!("{}={value}", found[index.index(found.len())].join("."))).collect();
        let set: Vec<_> = set.iter().map(String::as_str).collect();
        if let Ok(config) = of(EXAMPLE, &set) {
            prop_assert_eq!(of(&config.to_toml().unwrap(), &[]).unwrap(), config);
        }
    }
}
