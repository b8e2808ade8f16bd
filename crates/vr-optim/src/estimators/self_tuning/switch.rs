//! The switch: whether variance reduction pays for its gradients, decided between batch plans.

use vr_core::{StateError, StateReader, StateWriter};

use crate::fault::{Fault, within};

/// When variance is reduced.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum SwitchRule {
    /// In every step.
    Never,
    /// Where it pays.
    ByCost(ByCost),
}

/// Variance is reduced where `cost · ratio < 1`, with the cost of a step in gradients, the snapshot's share included, and the ratio of
/// variances over a batch plan: otherwise that many minibatches in one plain step are worth more.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ByCost {
    /// Share of all gradients that trials may cost, in [0, 1].
    pub share: f64,
    /// Minibatches of a trial, at most and at least 2, spread over the plan; by default as many as a trial in every plan may cost, at least 8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trial: Option<u32>,
    /// Plans in a row that have to cost more than they save before it goes off, at least 1.
    pub patience: u32,
    /// Plans without a trial after one that said no: 1 at first, then twice as many as the last time, up to this; at least 1.
    pub longest_pause: u32,
}

impl Default for SwitchRule {
    fn default() -> Self {
        Self::ByCost(ByCost::default())
    }
}

impl Default for ByCost {
    fn default() -> Self {
        Self { share: 0.05, trial: None, patience: 1, longest_pause: 16 }
    }
}

impl SwitchRule {
    /// Whether the options make sense.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let Self::ByCost(ByCost { share, trial, patience, longest_pause }) = *self else { return Ok(()) };
        within("share", share, 0.0..=1.0)
            .and_then(|()| within("trial", trial.unwrap_or(2), 2..))
            .and_then(|()| within("patience", patience, 1..))
            .and_then(|()| within("longest-pause", longest_pause, 1..))
            .map_err(|fault| fault.within("by-cost"))
    }
}

/// What is done in a batch plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Plain gradients alone.
    Plain,
    /// Plain steps, some of which are compared with a snapshot.
    Trial,
    /// Steps of reduced variance.
    Reducing,
}

const PHASES: [Phase; 3] = [Phase::Plain, Phase::Trial, Phase::Reducing];

/// The phase, and how long it may last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Switch {
    rule: SwitchRule,
    phase: Phase,
    /// Plans in a row that did not pay.
    losses: u32,
    /// Plans since the last trial.
    waited: u32,
    /// Plans that the pause lasts.
    pause: u32,
}

impl Switch {
    /// Before the first plan: one without a trial, where there is a switch at all.
    pub(super) fn new(rule: SwitchRule) -> Self {
        let phase = if rule == SwitchRule::Never { Phase::Reducing } else { Phase::Plain };
        Self { rule, phase, losses: 0, waited: 0, pause: 1 }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// Ends a plan: `pays` says whether reducing the variance does, or would, and `affords` whether a trial is cheap enough.
    pub(super) fn turn(&mut self, pays: bool, affords: bool) {
        let SwitchRule::ByCost(ByCost { patience, longest_pause, .. }) = self.rule else { return };
        match self.phase {
            Phase::Plain => {
                self.waited = self.waited.saturating_add(1);
                if self.waited >= self.pause && affords {
                    self.phase = Phase::Trial;
                }
            }
            Phase::Trial if pays => (self.phase, self.losses) = (Phase::Reducing, 0),
            Phase::Trial => {
                self.phase = Phase::Plain;
                (self.waited, self.pause) = (0, self.pause.saturating_mul(2).min(longest_pause));
            }
            Phase::Reducing => {
                self.losses = if pays { 0 } else { self.losses.saturating_add(1) };
                if self.losses >= patience {
                    (self.phase, self.waited, self.pause) = (Phase::Plain, 0, 1);
                }
            }
        }
    }

    pub(super) fn save(&self, out: &mut StateWriter<'_>) {
        out.integer("phase", self.phase as u64);
        for (name, plans) in [("losses", self.losses), ("waited", self.waited), ("pause", self.pause)] {
            out.integer(name, plans.into());
        }
    }

    pub(super) fn restore(&mut self, from: &StateReader<'_>) -> Result<(), StateError> {
        let plans = |name| from.index(name, u32::MAX.into()).map(|plans| plans as u32);
        self.phase = PHASES[from.index("phase", PHASES.len() as u64 - 1)? as usize];
        (self.losses, self.waited, self.pause) = (plans("losses")?, plans("waited")?, plans("pause")?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The phases of plans whose trials and reductions pay, or do not, as `pays` says of each plan.
    fn phases(rule: ByCost, pays: impl Fn(usize) -> bool, plans: usize) -> String {
        let mut switch = Switch::new(SwitchRule::ByCost(rule));
        let letter = |phase| match phase {
            Phase::Plain => '.',
            Phase::Trial => '?',
            Phase::Reducing => '#',
        };
        let mut letters = String::new();
        for plan in 0..plans {
            letters.push(letter(switch.phase()));
            switch.turn(pays(plan), true);
        }
        letters
    }

    #[test]
    fn pauses_grow_while_trials_say_no() {
        let rule = ByCost { longest_pause: 4, ..ByCost::default() };
        assert_eq!(phases(rule, |_| false, 19), ".?..?....?....?....");
        assert_eq!(phases(rule, |_| true, 5), ".?###");
    }

    #[test]
    fn it_goes_off_when_its_patience_ends_and_tries_soon() {
        let pays = |plan| ![3, 5, 6].contains(&plan);
        assert_eq!(phases(ByCost::default(), pays, 9), ".?##.?..?");
        let patient = ByCost { patience: 2, ..ByCost::default() };
        assert_eq!(phases(patient, pays, 9), ".?#####.?");
    }

    #[test]
    fn what_it_cannot_afford_it_does_not_try() {
        let mut switch = Switch::new(SwitchRule::default());
        for affords in [false, false, true] {
            assert_eq!(switch.phase(), Phase::Plain);
            switch.turn(false, affords);
        }
        assert_eq!(switch.phase(), Phase::Trial);
    }

    #[test]
    fn without_a_switch_it_stays_on() {
        let mut switch = Switch::new(SwitchRule::Never);
        (0..5).for_each(|_| switch.turn(false, true));
        assert_eq!(switch.phase(), Phase::Reducing);
    }
}
