//! How a run is made again: the commands, and what the run was made with.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::html::{NONE, table};
use crate::config::TrainConfig;
use crate::markup::escape;
use crate::measure::Places;
use crate::settings::{Comparison, DataChoice, EngineKind, Settings, Version};

/// What a manifest says that a run was asked for.
#[derive(Deserialize)]
struct Asked {
    experiment: String,
    settings: Option<Settings>,
    config: Option<TrainConfig>,
}

/// The commands that make a run of this manifest, and the configuration that they read.
pub(super) fn again(manifest: &Value) -> String {
    let Ok(Asked { experiment, settings, config }) = Asked::deserialize(manifest) else {
        return "<p>The manifest of this run does not say what this version could run.</p>".to_owned();
    };
    let mut commands: Vec<String> = Vec::new();
    if let Some(commit) = manifest["commit"].as_str() {
        commands.push(format!("git checkout {}", quoted(commit)));
    }
    let mut file = String::new();
    if let Some(settings) = settings {
        let xtask = match settings.engine {
            EngineKind::Cpu => "xtask",
            EngineKind::Candle => "xtask-full",
            EngineKind::Cuda(_) => "xtask-cuda",
        };
        let words: Vec<_> = arguments(&experiment, &settings).iter().map(|word| quoted(word)).collect();
        commands.push(format!("cargo {xtask} repro {}", words.join(" ")));
    } else if let Some(config) = config {
        commands.push("cargo xtask train config.toml".to_owned());
        let text = config.to_toml().unwrap_or_default();
        file = format!(
            "<p><code>config.toml</code>, which stands in the run's folder:</p>\n<pre tabindex=\"0\">{}</pre>\n",
            escape(&text)
        );
    }
    format!(
        "<pre tabindex=\"0\">{}</pre>\n{file}<p>On the engine <code>cpu</code> the same commit and the same data give the same numbers to the bit, on any number of threads.</p>",
        escape(&commands.join("\n"))
    )
}

/// The arguments of `cargo xtask repro` that ask for these settings of an experiment.
pub fn arguments(experiment: &str, settings: &Settings) -> Vec<String> {
    let mut words = vec![experiment.to_owned()];
    let mut say = |option: &str, value: Option<String>| {
        words.extend(value.into_iter().flat_map(|value| [format!("--{option}"), value]));
    };
    let list = |seeds: &[u64]| seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
    let default = Comparison::default();
    let Comparison { methods, rates, tuning_seeds, budget } = &settings.comparison;
    say("data", Some(data(&settings.data)));
    say("model", Some(settings.model.to_string()));
    say("engine", (settings.engine != EngineKind::Cpu).then(|| settings.engine.to_string()));
    say("classes", settings.classes.map(|count| count.to_string()));
    say("train-size", settings.train_size.map(|count| count.to_string()));
    say("validation", settings.validation.map(|count| count.to_string()));
    say("test-size", settings.test_size.map(|count| count.to_string()));
    say("budget", budget.map(|gradients| gradients.to_string()));
    say("epochs", budget.is_none().then(|| settings.epochs.to_string()));
    say("schedule-epochs", budget.is_none().then(|| settings.schedule_epochs.to_string()));
    say("learning-rate", settings.learning_rate.map(|rate| rate.to_string()));
    say("as", (settings.version != Version::Released).then(|| "described".to_owned()));
    say("seeds", Some(list(&settings.seeds)));
    say("batch-size", Some(settings.batch_size.to_string()));
    say("places", (settings.places != Places::Paper).then(|| "deciles".to_owned()));
    say("every", Some(settings.every.to_string()));
    say("methods", (*methods != default.methods).then(|| methods.join(",")));
    say("tune", (*rates != default.rates).then(|| rates.to_string()));
    say("tuning-seeds", (*tuning_seeds != default.tuning_seeds).then(|| list(tuning_seeds)));
    words.extend(settings.bf16_tables.then(|| "--bf16-tables".to_owned()));
    words
}

fn data(choice: &DataChoice) -> String {
    let folder = choice.folder().map(|(_, folder): (_, &Path)| folder.display().to_string());
    folder.unwrap_or_else(|| "synthetic".to_owned())
}

/// A word of a shell's command line.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./,:=+@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// What the run was made with, as far as the manifest says.
pub(super) fn environment(manifest: &Value) -> String {
    const KNOWN: [(&str, &str); 8] = [
        ("version", "version"),
        ("commit", "commit"),
        ("cpu", "processor"),
        ("isa", "instruction set"),
        ("threads", "threads"),
        ("os", "operating system"),
        ("arch", "architecture"),
        ("data_problems", "what the data lack"),
    ];
    let said = |(key, name): (&str, &str)| match &manifest[key] {
        Value::Null => None,
        Value::String(text) => Some(vec![name.to_owned(), escape(text)]),
        other => Some(vec![name.to_owned(), escape(&other.to_string())]),
    };
    let rows: Vec<_> = KNOWN.into_iter().filter_map(said).collect();
    if rows.is_empty() {
        NONE.to_owned()
    } else {
        table("Environment", &["quantity", "value"], "texts pairs", rows.into_iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_word() {
        assert_eq!(quoted("data/cifar10"), "data/cifar10");
        assert_eq!(quoted("my data; rm 'x'"), r"'my data; rm '\''x'\'''");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_training_run_names_its_file() {
        let config = TrainConfig::default();
        let manifest = serde_json::json!({ "experiment": "train", "config": config, "commit": "abc", "threads": 2 });
        let html = again(&manifest);
        assert!(html.contains("git checkout abc\ncargo xtask train config.toml"), "{html}");
        assert!(environment(&manifest).contains("<th scope=\"row\">threads</th><td>2</td>"));
    }

    #[test]
    fn what_is_no_manifest_says_so() {
        for text in [Value::Null, serde_json::json!({ "experiment": "quick", "settings": 3 })] {
            assert!(again(&text).contains("does not say"));
        }
        assert_eq!(environment(&Value::Null), NONE);
    }
}
