//! Colours that stay apart for colour-blind readers (after Okabe and Ito), on a light and on a dark ground.

use plotters::style::{RGBColor, WHITE};

const SERIES: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(138, 106, 0),
    RGBColor(63, 74, 85),
];
/// What the series are on a dark ground.
const DARK_SERIES: [RGBColor; 6] = [
    RGBColor(90, 180, 240),
    RGBColor(255, 138, 61),
    RGBColor(60, 199, 154),
    RGBColor(229, 155, 196),
    RGBColor(230, 194, 41),
    RGBColor(176, 184, 192),
];

/// Text and frames.
pub const INK: RGBColor = RGBColor(34, 34, 34);
/// Reference lines.
pub const REFERENCE: RGBColor = RGBColor(110, 110, 110);
/// Grid lines.
pub const GRID: RGBColor = RGBColor(232, 232, 232);
/// Shaded bands.
pub const BAND: RGBColor = RGBColor(246, 232, 214);

/// The dark ground.
const DARK: RGBColor = RGBColor(20, 23, 26);
const DARK_INK: RGBColor = RGBColor(230, 230, 230);
const DARK_REFERENCE: RGBColor = RGBColor(160, 160, 160);
const DARK_GRID: RGBColor = RGBColor(46, 51, 56);
const DARK_BAND: RGBColor = RGBColor(58, 47, 34);

/// Series that can be told apart by their colours.
pub const COLOURS: usize = SERIES.len();

/// The colour of the series with the given number.
pub fn series(index: usize) -> RGBColor {
    SERIES[index % COLOURS]
}

/// A light tint of a colour, for what lies behind.
pub fn pale(colour: RGBColor) -> RGBColor {
    between(colour, WHITE)
}

fn between(RGBColor(red, green, blue): RGBColor, other: RGBColor) -> RGBColor {
    let mix = |part: u8, other: u8| u8::try_from(u16::midpoint(part.into(), other.into())).unwrap_or(u8::MAX);
    RGBColor(mix(red, other.0), mix(green, other.1), mix(blue, other.2))
}

/// From −1 (blue) over 0 (white) to 1 (orange).
pub fn diverging(value: f64) -> RGBColor {
    let RGBColor(red, green, blue) = if value < 0.0 { SERIES[0] } else { SERIES[1] };
    let part = value.abs().min(1.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 255")]
    let mix = |colour: u8| (255.0 + (f64::from(colour) - 255.0) * part).round() as u8;
    RGBColor(mix(red), mix(green), mix(blue))
}

/// As SVG writes it.
pub fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// Each colour of the figures with what it is on a dark ground. Cells of a heat map are left as they are.
fn darkened() -> impl Iterator<Item = (RGBColor, RGBColor)> {
    let parts = [(WHITE, DARK), (INK, DARK_INK), (REFERENCE, DARK_REFERENCE), (GRID, DARK_GRID), (BAND, DARK_BAND)];
    let behind = |(light, dark)| (pale(light), between(dark, DARK));
    let series = || SERIES.into_iter().zip(DARK_SERIES);
    parts.into_iter().chain([behind((REFERENCE, DARK_REFERENCE))]).chain(series()).chain(series().map(behind))
}

/// Rules of a style sheet that put figures on a dark ground.
pub fn dark_style() -> String {
    let rule = |(light, dark): (RGBColor, RGBColor)| {
        let (light, dark) = (hex(light), hex(dark));
        format!(
            "svg [fill=\"{light}\"]:not(.cell) {{ fill: {dark}; }}\nsvg [stroke=\"{light}\"] {{ stroke: {dark}; }}\n"
        )
    };
    darkened().map(rule).collect()
}

/// The contrast of two colours by the Web Content Accessibility Guidelines, from 1 to 21.
#[cfg(test)]
pub(crate) fn contrast(one: RGBColor, other: RGBColor) -> f64 {
    let linear = |part: u8| match f64::from(part) / 255.0 {
        part if part <= 0.04045 => part / 12.92,
        part => ((part + 0.055) / 1.055).powf(2.4),
    };
    let luminance = |RGBColor(r, g, b): RGBColor| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_texts_stand_out_on_both_grounds() {
        for (ground, ink, reference, series) in
            [(WHITE, INK, REFERENCE, SERIES), (DARK, DARK_INK, DARK_REFERENCE, DARK_SERIES)]
        {
            assert!(contrast(ink, ground) >= 7.0 && contrast(reference, ground) >= 4.5);
            for colour in series {
                assert!(contrast(colour, ground) >= 3.0, "{}", hex(colour));
            }
        }
        assert!((contrast(WHITE, RGBColor(0, 0, 0)) - 21.0).abs() < 1e-9);
        assert!((contrast(RGBColor(118, 118, 118), WHITE) - 4.54).abs() < 0.01, "the guidelines' own example");
    }

    #[test]
    fn every_colour_has_one_on_the_dark_ground() {
        let colours: Vec<_> = darkened().map(|(light, _)| hex(light)).collect();
        assert_eq!(crate::figures::distinct(&colours).len(), colours.len());
        assert!(dark_style().contains("svg [stroke=\"#0072B2\"] { stroke: #5AB4F0; }"));
    }
}
