//! The rule for "no better": an advantage in test error is bounded from above.
//!
//! That no advantage is visible would not show that there is none.

use crate::results::ExperimentResult;
use crate::verdict::Verdict;
use crate::verdict::estimate::{Estimate, INTERVAL};
use crate::verdict::finding::{Finding, HOLM, Test, each};
use crate::verdict::scale::LeastScale;

/// An advantage of fewer points of test error than this counts as none.
pub const MARGIN: f64 = 0.5;

/// What a method must be no better than SGD in.
#[derive(Clone, Debug)]
pub struct Question {
    /// Id of the verdict.
    pub id: String,
    /// The claim.
    pub claim: String,
    /// What was published.
    pub published: &'static str,
    /// The method, against `sgd`.
    pub method: String,
}

/// A method's final test error over the runs that did not diverge, in percent.
pub fn final_error(result: &ExperimentResult, method: &str) -> Estimate {
    Estimate::of(&result.final_errors(method).into_values().collect::<Vec<_>>())
}

/// One method's final test error less another's, in points, over the seeds with which neither diverged.
pub fn difference(result: &ExperimentResult, one: &str, other: &str) -> Estimate {
    let others = result.final_errors(other);
    let paired = result.final_errors(one).into_iter().filter_map(|(seed, error)| Some(error - others.get(&seed)?));
    Estimate::of(&paired.collect::<Vec<_>>())
}

/// The verdicts on methods that are claimed to be no better than `sgd`, all of one claim.
pub fn no_better(result: &ExperimentResult, questions: &[Question], least: LeastScale) -> Vec<Verdict> {
    let advantages: Vec<_> = questions.iter().map(|question| difference(result, "sgd", &question.method)).collect();
    let findings = |test: fn(&Estimate) -> Test| each(&advantages.iter().map(test).collect::<Vec<_>>());
    let (better, bounded) = (findings(Estimate::above), findings(|found| found.negated().less(-MARGIN).above()));
    let verdict = |(i, question): (usize, &Question)| {
        let (n, finding) = match (better[i], bounded[i], advantages[i].n) {
            (.., 0) => nothing_left(result, &question.method),
            (_, Finding::For, 1) => (1, Finding::For),
            (Finding::For, _, n) => (n, Finding::Against),
            (_, Finding::For, n) => (n, Finding::For),
            (.., n) => (n, Finding::Open),
        };
        let outcome = least.word(result, n, despite_divergence(result, &question.method, finding));
        let [sgd, other] = ["sgd", &question.method].map(|method| final_error(result, method));
        Verdict {
            id: question.id.clone(),
            claim: question.claim.clone(),
            expected: format!("an advantage below {MARGIN} points; published: {}", question.published),
            measured: format!(
                "test error in %: sgd {sgd}, {} {other}; advantage in pairs {}{}",
                question.method,
                advantages[i],
                diverged(result, &["sgd", &question.method])
            ),
            outcome,
            rule: least.rule(result, &rule(result, questions.len())),
        }
    };
    questions.iter().enumerate().map(verdict).collect()
}

/// Where no seed is left to compare: a method that always diverged where SGD did not is no better.
fn nothing_left(result: &ExperimentResult, method: &str) -> (usize, Finding) {
    let sgd = result.final_errors("sgd");
    match result.diverged_seeds(method).iter().filter(|&seed| sgd.contains_key(seed)).count() {
        0 => (0, Finding::Open),
        seeds => (seeds, Finding::For),
    }
}

/// A mean over the runs that did not diverge shows nothing in favour of the method that diverged more often.
fn despite_divergence(result: &ExperimentResult, method: &str, finding: Finding) -> Finding {
    let [sgd, other] = ["sgd", method].map(|method| result.diverged_seeds(method).len());
    match finding {
        Finding::For if sgd > other => Finding::Open,
        Finding::Against if other > sgd => Finding::Open,
        finding => finding,
    }
}

fn rule(result: &ExperimentResult, questions: usize) -> String {
    let corrected = if questions > 1 { format!(", {HOLM}") } else { String::new() };
    format!(
        "against when the advantage's {INTERVAL} lies above 0, for when it lies below {MARGIN} points{corrected}; {}",
        error_rule(result)
    )
}

/// How the errors of verdicts are made.
pub fn error_rule(result: &ExperimentResult) -> String {
    format!(
        "errors are means over the last {} epoch(s) of each run, compared between runs with the same seed; a diverged run \
         is in no mean, and the method that diverged more often is not found the better",
        result.window()
    )
}

/// The runs of methods that diverged, for the end of a sentence.
pub fn diverged(result: &ExperimentResult, methods: &[&str]) -> String {
    let said = |method: &&str| {
        let seeds: Vec<String> = result.diverged_seeds(method).iter().map(u64::to_string).collect();
        (!seeds.is_empty()).then(|| format!("; {method} diverged with seed {}", seeds.join(", ")))
    };
    methods.iter().filter_map(said).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Divergence, made_up};
    use crate::verdict::Outcome;

    const LEAST: LeastScale = LeastScale { epochs: 250, seeds: 3 };
    const SGD: [f64; 3] = [20.0, 20.1, 19.9];

    fn outcomes(result: &ExperimentResult, methods: &[&str]) -> Vec<Outcome> {
        let questions: Vec<Question> = methods.iter().map(|method| question_of(method)).collect();
        no_better(result, &questions, LEAST).into_iter().map(|verdict| verdict.outcome).collect()
    }

    fn check(sgd: &[f64], svrg: &[f64], expected: Outcome) {
        assert_eq!(outcomes(&made_up::final_errors(&[("sgd", sgd), ("svrg", svrg)]), &["svrg"]), [expected]);
    }

    #[test]
    fn the_bound_decides() {
        check(&SGD, &[20.0, 20.2, 20.0], Outcome::Confirmed);
        check(&SGD, &[25.0, 30.0, 28.0], Outcome::Confirmed);
        check(&SGD, &[19.0, 19.1, 18.9], Outcome::Contradicted);
        // Better by less than the margin, yet surely better.
        check(&SGD, &[19.7, 19.81, 19.59], Outcome::Contradicted);
    }

    /// As independent groups these would decide nothing: the seeds differ by ten points, the methods by a tenth.
    #[test]
    fn runs_with_the_same_seed_are_compared_in_pairs() {
        check(&[15.0, 20.0, 25.0], &[15.1, 20.12, 25.09], Outcome::Confirmed);
        check(&[15.0, 20.0, 25.0], &[14.0, 19.02, 23.99], Outcome::Contradicted);
    }

    #[test]
    fn few_runs_or_noise_do_not_decide() {
        check(&[20.0, 25.0, 15.0], &[24.0, 20.0, 16.0], Outcome::Undecided);
        check(&SGD[..2], &[20.0, 20.1], Outcome::TendencyFor);
        check(&SGD[..1], &[20.0], Outcome::OneRunFor);
        check(&SGD[..1], &[19.0], Outcome::OneRunAgainst);
        check(&[], &[], Outcome::Undecided);
    }

    #[test]
    fn several_methods_are_corrected_together() {
        let good = [19.8, 19.7, 19.5];
        let methods: Vec<(&str, &[f64])> = vec![("sgd", &SGD), ("a", &good), ("b", &SGD), ("c", &SGD), ("d", &SGD)];
        let result = made_up::final_errors(&methods);
        assert_eq!(outcomes(&result, &["a"]), [Outcome::Contradicted]);
        assert_eq!(outcomes(&result, &["a", "b", "c", "d"])[0], Outcome::Undecided);
    }

    #[test]
    fn divergence_speaks_for_no_method() {
        let mut result = made_up::final_errors(&[("sgd", &SGD), ("svrg", &[19.0, 19.1, 18.9])]);
        let diverge = |result: &mut ExperimentResult, method: &str, seed| {
            result.diverged.push(Divergence { method: method.into(), seed, epoch: 250 });
        };
        diverge(&mut result, "svrg", 2);
        assert_eq!(outcomes(&result, &["svrg"]), [Outcome::Undecided]);
        let said = &no_better(&result, &[question_of("svrg")], LEAST)[0].measured;
        assert!(said.contains("svrg diverged with seed 2") && said.contains("n = 2"), "{said}");
        diverge(&mut result, "svrg", 0);
        diverge(&mut result, "svrg", 1);
        assert_eq!(outcomes(&result, &["svrg"]), [Outcome::Confirmed]);
    }

    fn question_of(method: &str) -> Question {
        Question { id: String::new(), claim: String::new(), published: "", method: method.into() }
    }
}
