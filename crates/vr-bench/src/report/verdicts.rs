//! The verdicts of a result.

use super::html::NONE;
use crate::figures::distinct;
use crate::markup::escape;
use crate::verdict::{Outcome, Verdict};

/// How often each judgement was given, as a list.
pub(crate) fn tally(verdicts: &[Verdict]) -> String {
    let item = |outcome: Outcome| {
        let count = verdicts.iter().filter(|verdict| verdict.outcome == outcome).count();
        format!("<li>{count} × {}</li>", badge(outcome))
    };
    let items: String = distinct(verdicts.iter().map(|verdict| verdict.outcome)).into_iter().map(item).collect();
    if items.is_empty() { items } else { format!("<ul class=\"tally\" aria-label=\"Verdicts\">{items}</ul>\n") }
}

fn badge(outcome: Outcome) -> String {
    format!("<span class=\"outcome {}\">{outcome}</span>", class(outcome))
}

fn class(outcome: Outcome) -> &'static str {
    match outcome.direction() {
        Some(true) => "for",
        Some(false) => "against",
        None => "open",
    }
}

/// Each verdict with what was expected, what was measured, and the rule.
pub(super) fn verdicts(verdicts: &[Verdict]) -> String {
    if verdicts.is_empty() {
        return NONE.to_owned();
    }
    verdicts.iter().map(verdict).collect()
}

fn verdict(verdict: &Verdict) -> String {
    let Verdict { claim, expected, measured, outcome, rule, .. } = verdict;
    let [claim, expected, measured, rule] = [claim, expected, measured, rule].map(|text| escape(text));
    format!(
        "<article class=\"verdict {}\">\n<h3>{} <span class=\"text\">{claim}</span></h3>\n\
         <dl><dt>expected</dt><dd>{expected}</dd><dt>measured</dt><dd>{measured}</dd><dt>rule</dt><dd>{rule}</dd></dl>\n\
         </article>\n",
        class(*outcome),
        badge(*outcome)
    )
}
