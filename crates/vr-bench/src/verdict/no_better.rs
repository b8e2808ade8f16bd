//! The rule for "no better": an advantage in test error is bounded from above.
//!
//! That no advantage is visible would not show that there is none.

use crate::results::{Divergence, ExperimentResult};
use crate::verdict::estimate::Estimate;
use crate::verdict::{Outcome, Verdict};

/// An advantage of fewer points of test error than this counts as none.
pub const MARGIN: f64 = 0.5;
/// With fewer runs of a method nothing is decided.
pub const RUNS: usize = 3;

/// What a method must be no better than SGD in.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Id of the verdict.
    pub id: String,
    /// The claim.
    pub claim: String,
    /// What was published.
    pub published: &'a str,
    /// The method, against `sgd`.
    pub method: &'a str,
}

/// A method's final test error, in percent.
pub fn final_error(result: &ExperimentResult, method: &str) -> Estimate {
    Estimate::of(&result.final_errors(method))
}

/// The verdict on a method that is claimed to be no better than `sgd`.
pub fn no_better(result: &ExperimentResult, question: Question<'_>) -> Verdict {
    let [sgd, other] = ["sgd", question.method].map(|method| final_error(result, method));
    let advantage = sgd.minus(other);
    Verdict {
        id: question.id,
        claim: question.claim,
        expected: format!("an advantage below {MARGIN} points; published: {}", question.published),
        measured: format!(
            "test error in %: sgd {sgd}, {} {other}, advantage {advantage}{}",
            question.method,
            diverged(result, question.method)
        ),
        outcome: match () {
            () if advantage.n < RUNS => Outcome::Undecided,
            () if advantage.low() > 0.0 => Outcome::Contradicted,
            () if advantage.high() < MARGIN => Outcome::Confirmed,
            () => Outcome::Undecided,
        },
        rule: format!(
            "contradicted when the advantage's 95 % interval (Student's t) lies above 0, confirmed when it lies below \
             {MARGIN} points; {}",
            error_rule(result)
        ),
    }
}

/// How the errors of verdicts are made.
pub fn error_rule(result: &ExperimentResult) -> String {
    format!(
        "errors are means over the last {} epoch(s) of each run, with their standard error over seeds; undecided with \
         fewer than {RUNS} runs; a diverged run counts as {} %",
        result.window(),
        Divergence::TEST_ERROR
    )
}

/// The runs of a method that diverged, for the end of a sentence.
pub fn diverged(result: &ExperimentResult, method: &str) -> String {
    let seeds: Vec<String> =
        result.diverged.iter().filter(|run| run.method == method).map(|run| run.seed.to_string()).collect();
    if seeds.is_empty() { String::new() } else { format!("; {method} diverged with seed {}", seeds.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::made_up;

    fn check(sgd: &[f64], svrg: &[f64], expected: Outcome) {
        let result = made_up::final_errors(&[("sgd", sgd), ("svrg", svrg)]);
        let question = Question { id: String::new(), claim: String::new(), published: "", method: "svrg" };
        assert_eq!(no_better(&result, question).outcome, expected);
    }

    const SGD: [f64; 3] = [20.0, 20.1, 19.9];

    #[test]
    fn the_bound_decides() {
        check(&SGD, &[20.0, 20.2, 20.1], Outcome::Confirmed);
        check(&SGD, &[25.0, 30.0, 28.0], Outcome::Confirmed);
        check(&SGD, &[19.0, 19.1, 18.9], Outcome::Contradicted);
        // Better by less than the margin, yet surely better.
        check(&SGD, &[19.7, 19.71, 19.69], Outcome::Contradicted);
    }

    #[test]
    fn noise_or_two_runs_decide_nothing() {
        check(&[20.0, 25.0, 15.0], &[20.0, 24.0, 16.0], Outcome::Undecided);
        check(&SGD[..2], &[20.0, 20.1], Outcome::Undecided);
        check(&[], &[], Outcome::Undecided);
    }
}
