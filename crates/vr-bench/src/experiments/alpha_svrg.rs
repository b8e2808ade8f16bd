//! A: with a coefficient that falls to 0 over the run SVRG trains to a lower loss than SGD and than SVRG itself. The claim of α-SVRG (Yin
//! et al., *A Coefficient Makes SVRG Effective*, ICLR 2025) on MLP-4, and on logistic regression.
//!
//! The paper claims it in general; on MLP-4 its curve of α-SVRG lies below SGD's in the middle and a little above it at the end (0.190
//! against 0.187). The learning rates and the schedule of the published curves are not known, and momentum, weight decay, minibatches of
//! 128 and pictures without augmentation are choices of ours. A loss is the mean over an epoch's minibatches as they were trained on.
//!
//! Here the rate is constant, and for each method the one of the grid at which runs with other seeds end with the least training loss,
//! which is what the claim is about. An epoch costs SVRG twice SGD's gradients; the claim, as published, compares epochs.

use vr_data::Augmentation;
use vr_optim::{EstimatorConfig, SnapshotGradients, SvrgConfig};

use super::Experiment;
use super::tuned::{self, AT_EDGE, Tuned, name, rates, reported, tempered};
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::figures::train_loss::train_loss as figure;
use crate::paper::alpha_svrg::{self, EPOCHS, MODEL, train_loss, train_losses};
use crate::paper::methods::{SGD, cell};
use crate::paper::schedule::{Schedule, Shape};
use crate::results::ExperimentResult;
use crate::run_dir::Figure;
use crate::settings::{Model, Settings};
use crate::verdict::Verdict;
use crate::verdict::estimate::{Estimate, INTERVAL};
use crate::verdict::finding::{Finding, HOLM, each};
use crate::verdict::no_better::diverged;
use crate::verdict::scale::{all_minibatches, word};

/// SGD, SVRG and α-SVRG for thirty epochs.
pub const EXPERIMENT: Experiment = Experiment {
    name: "alpha-svrg",
    summary: "Training loss of SGD, SVRG and α-SVRG on a fully connected network",
    claim: CLAIM,
    model: Model::MLP_TAPERED,
    models: &[Model::MLP_TAPERED, Model::LOGISTIC],
    settings,
    cells,
    figures,
    verdicts,
    tuning: Some(chosen),
};

const CLAIM: &str = "With a coefficient that falls to 0 over the run SVRG trains to a lower loss than SGD and than SVRG (Yin et al., ICLR 2025).";

const SVRG: &str = "svrg";
const ALPHA_SVRG: &str = "alpha-svrg";

/// The rate that the grid lies about, in minibatches of 128.
const RATE: f64 = 0.02;

/// Seeds at which a verdict is more than a tendency.
const SEEDS: usize = 3;

fn settings(model: Model) -> Settings {
    Settings { epochs: EPOCHS, schedule_epochs: EPOCHS, ..Settings::of(model) }
}

fn cells(settings: &Settings, minibatches: usize) -> Vec<Cell> {
    let svrg = SvrgConfig { gradients: SnapshotGradients::Stored, ..SvrgConfig::default() };
    let falling = alpha_svrg::svrg((settings.schedule_epochs * minibatches) as u64);
    let methods = [
        (SGD, EstimatorConfig::Sgd),
        (SVRG, EstimatorConfig::Svrg(svrg)),
        (ALPHA_SVRG, EstimatorConfig::Svrg(falling)),
    ];
    let usual = settings.schedule(RATE);
    tuned::cells(settings, &methods, |(method, estimator), rate, seed| Cell {
        schedule: Schedule { base: rate.times(usual.base), drops: Vec::new(), shape: Shape::Constant, ..usual.clone() },
        augmentation: Augmentation::None,
        ..cell(settings, &name(method, rate), estimator.clone(), seed)
    })
}

fn chosen(result: &ExperimentResult) -> Vec<Tuned> {
    tuned::tuned(result, |row| Some(row.train_loss))
}

fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let title = result.heading("Training loss");
    let published = |method: &str| if is_published(result) { train_losses(method) } else { Vec::new() };
    let svg = figure(&title, &reported(result, &chosen(result)), published)?;
    Ok(vec![("train-loss", title, svg)])
}

/// The training losses of a method in an epoch, by runs.
fn losses(result: &ExperimentResult, method: &str, epoch: usize) -> Estimate {
    let rows = result.rows(method).filter(|row| row.epoch == epoch && row.train_loss.is_finite());
    Estimate::of(&rows.map(|row| row.train_loss).collect::<Vec<_>>())
}

/// How far a method's last training loss lies above α-SVRG's, in pairs of the same seed.
fn advantage(result: &ExperimentResult, over: &str) -> Estimate {
    let ours = result.last_train_losses(ALPHA_SVRG);
    let pairs = result.last_train_losses(over).into_iter().filter_map(|(seed, loss)| Some(loss - ours.get(&seed)?));
    Estimate::of(&pairs.collect::<Vec<_>>())
}

/// One against SGD, one against SVRG.
fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    let chosen = chosen(result);
    let runs = reported(result, &chosen);
    let others = [SGD, SVRG];
    let advantages = others.map(|other| advantage(&runs, other));
    let findings = each(&advantages.map(|advantage| advantage.above()));
    let rule = format!(
        "the training loss in the last epoch, in pairs of runs with the same seed: for when the other's less α-SVRG's has its {INTERVAL} \
         above 0, against when below, {HOLM} (here methods), and undecided where a run diverged; each method at the rate at which \
         other seeds end with the least training loss; confirmed or contradicted on CIFAR-10 with at least {} minibatches an \
         epoch, {EPOCHS} epochs and {SEEDS} seeds, a tendency below that, {AT_EDGE}, and of one seed one run",
        result.setting().minibatches()
    );
    let middle = (result.epochs_run / 3).max(1);
    let of = |method: &str| {
        let at = |epoch| format!("{:.3}", losses(&runs, method, epoch).mean);
        let last = losses(&runs, method, result.epochs_run);
        let error = if last.n > 1 { format!(" ± {:.3}", last.error) } else { String::new() };
        format!("{method} {}, at the end {}{error}", at(middle), at(result.epochs_run))
    };
    let measured = [SGD, SVRG, ALPHA_SVRG].map(of).join("; ");
    let verdict = |((other, advantage), finding): ((&str, Estimate), Finding)| {
        let lost = [other, ALPHA_SVRG].iter().any(|method| !runs.diverged_seeds(method).is_empty());
        let reached = result.data.name.starts_with(result.setting().data)
            && all_minibatches(result) >= result.setting().minibatches()
            && result.epochs_run >= EPOCHS
            // The coefficient has fallen to 0.
            && result.schedule.length == result.epochs_run
            && advantage.n >= SEEDS;
        Verdict {
            id: format!("A-{other}"),
            claim: format!("A: α-SVRG's training loss ends below {}", if other == SGD { "SGD's" } else { "SVRG's" }),
            expected: format!("below; {}", published(result, other)),
            measured: format!(
                "training loss in epoch {middle}: {measured}; advantage of α-SVRG in pairs {}; {}{}",
                in_thousandths(&advantage),
                rates(&chosen),
                diverged(&runs, &[other, ALPHA_SVRG])
            ),
            outcome: tempered(
                word(advantage.n, if lost { Finding::Open } else { finding }, reached),
                &chosen,
                &[other, ALPHA_SVRG],
            ),
            rule: rule.clone(),
        }
    };
    others.into_iter().zip(advantages).zip(findings).map(verdict).collect()
}

fn in_thousandths(estimate: &Estimate) -> String {
    match estimate.n {
        0 => "not measured".into(),
        1 => format!("{:.3} (one run)", estimate.mean),
        n => format!("{:.3}, {:.3} to {:.3} (n = {n})", estimate.mean, estimate.low(), estimate.high()),
    }
}

/// Whether the published losses are those of the result's network and data.
fn is_published(result: &ExperimentResult) -> bool {
    result.model == MODEL && result.data.name.starts_with(result.setting().data)
}

/// The published losses of a method and of α-SVRG, a third through and in the last epoch.
fn published(result: &ExperimentResult, other: &str) -> String {
    if !is_published(result) {
        return "no losses are published for this network on this set".into();
    }
    let at = |method, epoch| train_loss(method, epoch).map_or_else(|| "–".into(), |loss| format!("{loss:.3}"));
    let pair = |epoch| format!("{} against {}", at(ALPHA_SVRG, epoch), at(other, epoch));
    format!("published: {} in epoch {}, {} in epoch {EPOCHS}", pair(EPOCHS / 3), EPOCHS / 3, pair(EPOCHS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::schedule::Version;
    use crate::results::{Divergence, EpochRow, made_up};
    use crate::settings::{Comparison, Grid, Rate};
    use crate::verdict::Outcome;
    use vr_optim::vr_core::Coefficient;

    const TUNING: u64 = 1000;

    /// Runs over thirty epochs; each method is best at the usual rate, where its loss ends at the one given.
    fn result(losses: [f64; 3], seeds: u64) -> ExperimentResult {
        let mut epochs = Vec::new();
        for (method, loss) in [SGD, SVRG, ALPHA_SVRG].into_iter().zip(losses) {
            for rate in [0.5_f64, 1.0, 2.0] {
                for seed in (0..seeds).chain([TUNING]) {
                    epochs.extend((1..=EPOCHS).map(|epoch| EpochRow {
                        train_loss: loss + rate.log2().abs() + 0.001 * (seed % 3) as f64 + (EPOCHS - epoch) as f64,
                        ..made_up::row(&name(method, Rate::Multiple(rate)), seed, epoch, 50.0)
                    }));
                }
            }
        }
        let schedule = Schedule::cifar(0.1, EPOCHS, Version::default());
        ExperimentResult { epochs, epochs_run: EPOCHS, schedule, seeds: (0..seeds).collect(), ..made_up::result(MODEL) }
    }

    fn outcomes(result: &ExperimentResult) -> Vec<Outcome> {
        verdicts(result).into_iter().map(|verdict| verdict.outcome).collect()
    }

    #[test]
    fn each_can_go_every_way() {
        use Outcome::{Confirmed, Contradicted, OneRunAgainst, OneRunFor, TendencyAgainst, TendencyFor, Undecided};
        assert_eq!(outcomes(&result([0.5, 0.6, 0.4], 3)), [Confirmed, Confirmed]);
        assert_eq!(outcomes(&result([0.5, 0.3, 0.4], 3)), [Confirmed, Contradicted]);
        assert_eq!(outcomes(&result([0.4, 0.3, 0.4], 1)), [OneRunAgainst, OneRunAgainst]);
        assert_eq!(outcomes(&result([0.5, 0.6, 0.4], 1)), [OneRunFor, OneRunFor]);
        let small = ExperimentResult { minibatches: 40, ..result([0.5, 0.6, 0.4], 3) };
        let longer = Schedule::cifar(0.1, 250, Version::default());
        let not_to_zero = ExperimentResult { schedule: longer, ..result([0.5, 0.6, 0.4], 3) };
        assert_eq!([outcomes(&small), outcomes(&not_to_zero)], [[TendencyFor; 2]; 2]);
        assert_eq!(outcomes(&made_up::result(MODEL)), [Undecided; 2]);
        let mut at_edge = result([0.5, 0.6, 0.4], 3);
        for row in at_edge.epochs.iter_mut().filter(|row| row.method == "svrg-x2") {
            row.train_loss -= 2.0;
        }
        assert_eq!(outcomes(&at_edge), [Confirmed, TendencyAgainst], "a rate at the edge of the grid");
        let mut lost = result([0.5, 0.6, 0.4], 4);
        lost.diverged.push(Divergence { method: "alpha-svrg-x1".into(), seed: 3, epoch: 2 });
        assert_eq!(outcomes(&lost), [Undecided; 2]);
    }

    #[test]
    fn losses_stand_beside_the_published_ones() {
        let found = &verdicts(&result([0.5, 0.6, 0.4], 3))[1];
        assert!(
            found.expected.contains("0.783 against 0.751 in epoch 10, 0.190 against 0.262 in epoch 30"),
            "{}",
            found.expected
        );
        assert!(
            found.measured.contains("at the end 0.401") && found.measured.contains("alpha-svrg ×1"),
            "{}",
            found.measured
        );
        figures(&result([0.5, 0.6, 0.4], 3)).unwrap();
        let other = ExperimentResult { model: Model::LOGISTIC.name().into(), ..result([0.5, 0.6, 0.4], 3) };
        assert!(verdicts(&other)[0].expected.contains("no losses are published"));
    }

    #[test]
    fn cells_are_the_grid_at_constant_rates() {
        let comparison = Comparison { rates: Grid::Rates { rates: vec![0.01, 0.05] }, ..Comparison::default() };
        let settings = Settings { comparison, seeds: vec![0, 1], ..settings(Model::MLP_TAPERED) };
        let found = cells(&settings, 10);
        assert_eq!(found.len(), 3 * 2 * 3);
        let last = found.last().unwrap();
        assert_eq!((last.method.as_str(), last.seed, last.schedule.base), ("alpha-svrg-lr0.05", 1, 0.05));
        assert!(
            found.iter().all(|cell| cell.schedule.fall() == "not at all" && cell.augmentation == Augmentation::None)
        );
        let EstimatorConfig::Svrg(svrg) = &last.estimator else { panic!("{:?}", last.estimator) };
        assert_eq!((svrg.decay, svrg.coefficient.clone()), (Some(300), Coefficient::Scalar(0.75)));
    }
}
