//! Axes: where a value lies, which ticks there are and how they are labelled.

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use std::ops::Range;

/// How values are spread along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    Linear,
    Log2,
    Log10,
}

/// Where a value lies on an axis, in axis units (logarithms, on a logarithmic axis).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mark {
    At(f64),
    /// Zero, or too small for a logarithmic axis: shown at its lower end.
    Below(f64),
}

/// An axis with its range and ticks in axis units.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    pub title: String,
    pub scale: Scale,
    pub low: f64,
    pub high: f64,
    pub ticks: Vec<f64>,
}

/// The smallest power of two that a ratio axis reaches down to.
const RATIO_FLOOR: f64 = -11.0;
const RATIO_CEILING: f64 = 10.0;
/// From this spread on, a loss is drawn on a logarithmic axis.
const WIDE: f64 = 100.0;
/// From this one on, values that were chosen are. Those of a decade may come a rounding short of it.
const DECADE: f64 = 9.999;

impl Axis {
    /// Whole epochs from 0 to the last.
    pub fn epochs(last: f64) -> Self {
        let step = step(last, 8.0).max(1.0);
        Self::linear("epoch", 0.0, last + 0.02 * last.max(1.0), step)
    }

    /// Passes over the data from 0 to the last.
    pub fn passes(title: &str, last: f64) -> Self {
        Self { title: title.to_owned(), ..Self::epochs(last) }
    }

    /// How far through an epoch.
    pub fn percent() -> Self {
        Self::linear("minibatches done (%)", 0.0, 103.0, 25.0)
    }

    /// Whole positions from 0 to the last.
    pub fn positions(title: &str, last: f64) -> Self {
        Self::linear(title, -0.2, last + 0.2, step(last, 10.0).max(1.0))
    }

    /// Ratios on a scale of powers of two, wide enough for the given values and for 1/8 to 2.
    pub fn ratio(title: &str, values: &[f64]) -> Self {
        let exponents = || values.iter().filter(|&&value| value > 0.0 && value.is_finite()).map(|value| value.log2());
        let low = exponents().fold(-3.0, f64::min).floor().max(RATIO_FLOOR) - 0.4;
        let high = exponents().fold(1.2, f64::max).min(RATIO_CEILING) + 0.1;
        Self {
            title: title.to_owned(),
            scale: Scale::Log2,
            low,
            high,
            ticks: multiples(low, high, step(high - low, 12.0).ceil()),
        }
    }

    /// A linear axis from zero that holds all values and `at_least`.
    pub fn from_zero(title: &str, values: &[f64], at_least: f64) -> Self {
        let high = values.iter().copied().fold(at_least, f64::max) * 1.05;
        Self::linear(title, 0.0, high, step(high, 6.0))
    }

    /// An axis fitted to the values: logarithmic where they are positive and spread widely, else linear.
    pub fn fitted(title: &str, values: &[f64]) -> Self {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if low > 0.0 && high / low > WIDE {
            let (low, high) = (low.log10().floor(), high.log10().ceil());
            let ticks = multiples(low, high, step(high - low, 7.0).ceil());
            return Self { title: title.to_owned(), scale: Scale::Log10, low, high, ticks };
        }
        if low >= 0.0 && low < 0.4 * high {
            return Self::from_zero(title, values, 0.0);
        }
        let pad = if high > low { 0.06 * (high - low) } else { 0.05 * high.abs().max(1.0) };
        Self::linear(title, low - pad, high + pad, step(high - low + 2.0 * pad, 6.0))
    }

    /// An axis of a few values that were chosen: logarithmic where they are positive and span a decade, with ticks at the values as far
    /// as there is room.
    pub fn of_values(title: &str, values: &[f64]) -> Self {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if !(low > 0.0 && high >= DECADE * low) {
            let pad = if high > low { 0.04 * (high - low) } else { 0.5 };
            return Self::linear(title, low - pad, high + pad, step(high - low, 6.0));
        }
        let (title, scale) = (format!("{title} (log scale)"), Scale::Log10);
        let (low, high) = (low.log10(), high.log10());
        let (pad, room) = (0.04 * (high - low), 0.07 * (high - low));
        let mut places: Vec<f64> = values.iter().map(|value| value.log10()).collect();
        places.sort_by(f64::total_cmp);
        let mut ticks: Vec<f64> = Vec::new();
        for place in places {
            if ticks.last().is_none_or(|last| place - last >= room) {
                ticks.push(place);
            }
        }
        Self { title, scale, low: low - pad, high: high + pad, ticks }
    }

    fn linear(title: &str, low: f64, high: f64, step: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self { title: title.to_owned(), scale: Scale::Linear, low, high, ticks: multiples(low, high, step) }
    }

    /// A value in axis units.
    pub fn units(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => value,
            Scale::Log2 => value.max(0.0).log2(),
            Scale::Log10 => value.max(0.0).log10(),
        }
    }

    /// Where a finite value lies; one above the axis is shown at its upper end.
    pub fn place(&self, value: f64) -> Mark {
        let at = self.units(value);
        if at < self.low && self.scale != Scale::Linear {
            Mark::Below(self.low)
        } else {
            Mark::At(at.clamp(self.low, self.high))
        }
    }

    /// The value of a place in axis units.
    pub fn value(&self, at: f64) -> f64 {
        match self.scale {
            Scale::Linear => at,
            Scale::Log2 => at.exp2(),
            Scale::Log10 => 10f64.powf(at),
        }
    }

    /// What it shows, for a text: its title without what is said of its scale.
    pub fn name(&self) -> &str {
        self.title.trim_end_matches(" (log scale)")
    }

    /// The text of a tick.
    pub fn label(&self, tick: f64) -> String {
        match self.scale {
            Scale::Linear => plain(tick),
            Scale::Log2 if tick < 0.0 => format!("1/{}", (-tick).exp2()),
            Scale::Log2 => format!("{}", tick.exp2()),
            Scale::Log10 if tick.abs() <= 4.0 => plain(10f64.powf(tick)),
            Scale::Log10 if tick.fract() == 0.0 => format!("1e{tick}").replace('-', "−"),
            Scale::Log10 => format!("{:e}", rounded(10f64.powf(tick))).replace('-', "−"),
        }
    }
}

/// What the drawing library needs to know, in axis units.
impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    #[allow(clippy::cast_possible_truncation, reason = "whole drawing units")]
    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        let part = (value - self.low) / (self.high - self.low);
        first + (f64::from(last - first) * part).round() as i32
    }

    /// The ticks, however many the library asks for; grid lines are drawn at the ticks only.
    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

/// A tick without the noise of binary fractions.
fn plain(value: f64) -> String {
    let rounded = (value * 1e6).round() / 1e6 + 0.0;
    format!("{rounded}").replace('-', "−")
}

/// Six significant digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// 1, 2 or 5 times a power of ten, for at most `count` steps.
fn step(span: f64, count: f64) -> f64 {
    if !(span > 0.0 && span.is_finite()) {
        return 1.0;
    }
    let rough = span / count;
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough * 0.999).unwrap_or(rough)
}

#[allow(clippy::cast_possible_truncation, reason = "a few dozen ticks")]
fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    let (first, last) = ((low / step - 1e-9).ceil() as i32, (high / step + 1e-9).floor() as i32);
    (first..=last).map(|index| f64::from(index) * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_axis_takes_zero_and_infinity() {
        let axis = Axis::ratio("ratio", &[0.0, 1e-30, 0.5, f64::INFINITY, f64::NAN]);
        let floor = axis.low;
        assert!(floor < -3.0 && floor > -12.0);
        assert_eq!(axis.place(0.0), Mark::Below(floor));
        assert_eq!(axis.place(-1.0), Mark::Below(floor));
        assert_eq!(axis.place(0.5), Mark::At(-1.0));
        assert_eq!(axis.place(1e30), Mark::At(axis.high));
    }

    #[test]
    fn ratio_ticks_are_powers_of_two() {
        let axis = Axis::ratio("ratio", &[0.3, 1.5]);
        let labels: Vec<String> = axis.ticks.iter().map(|&tick| axis.label(tick)).collect();
        assert_eq!(labels, ["1/8", "1/4", "1/2", "1", "2"]);
    }

    #[test]
    fn a_fitted_axis_turns_logarithmic_for_a_wide_spread() {
        let axis = Axis::fitted("loss", &[0.02, 4000.0]);
        assert_eq!((axis.scale, axis.low, axis.high), (Scale::Log10, -2.0, 4.0));
        assert_eq!(axis.label(-2.0), "0.01");
        assert_eq!(Axis::fitted("loss", &[0.5, 0.6]).scale, Scale::Linear);
        assert_eq!(Axis::fitted("loss", &[7.0]).ticks.len(), 3);
    }

    #[test]
    fn an_axis_of_chosen_values_is_logarithmic_from_a_decade_on() {
        let labels = |axis: &Axis| -> Vec<String> { axis.ticks.iter().map(|&tick| axis.label(tick)).collect() };
        let axis = Axis::of_values("rate", &[0.3, 0.03, 0.1]);
        assert_eq!((axis.scale, axis.title.as_str(), axis.name()), (Scale::Log10, "rate (log scale)", "rate"));
        assert_eq!(labels(&axis), ["0.03", "0.1", "0.3"]);
        assert!(axis.place(0.03) == Mark::At(axis.units(0.03)) && axis.low < axis.units(0.03));
        let axis = Axis::of_values("rate", &[3e-6, 1e-5, 1.01e-5, 3e-4]);
        assert_eq!(labels(&axis), ["3e−6", "1e−5", "0.0003"], "no two ticks over each other");
        for values in [&[0.0, 0.1, 0.9][..], &[-1.0, 100.0], &[1.0, 9.0], &[5.0]] {
            assert_eq!(Axis::of_values("", values).scale, Scale::Linear, "{values:?}");
        }
        assert!(!Axis::of_values("", &[5.0]).ticks.is_empty());
    }

    #[test]
    fn linear_ticks_are_round() {
        let axis = Axis::from_zero("ratio", &[1.1], 1.0);
        let labels: Vec<String> = axis.ticks.iter().map(|&tick| axis.label(tick)).collect();
        assert_eq!(labels, ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(Axis::epochs(3.0).ticks, [0.0, 1.0, 2.0, 3.0]);
    }
}
