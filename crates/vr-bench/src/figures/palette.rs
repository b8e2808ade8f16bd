//! Colours that stay apart for colour-blind readers (Okabe and Ito).

use plotters::style::RGBColor;

const SERIES: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// Text and frames.
pub const INK: RGBColor = RGBColor(34, 34, 34);
/// Reference lines.
pub const REFERENCE: RGBColor = RGBColor(110, 110, 110);
/// Grid lines.
pub const GRID: RGBColor = RGBColor(232, 232, 232);
/// Shaded bands.
pub const BAND: RGBColor = RGBColor(246, 232, 214);

/// The colour of the series with the given number.
pub fn series(index: usize) -> RGBColor {
    SERIES[index % SERIES.len()]
}

/// A light tint of a colour, for what lies behind.
pub fn pale(RGBColor(red, green, blue): RGBColor) -> RGBColor {
    let mix = |part: u8| u8::try_from((u16::from(part) + 255) / 2).unwrap_or(u8::MAX);
    RGBColor(mix(red), mix(green), mix(blue))
}

/// From −1 (blue) over 0 (white) to 1 (orange).
pub fn diverging(value: f64) -> RGBColor {
    let RGBColor(red, green, blue) = if value < 0.0 { SERIES[0] } else { SERIES[1] };
    let part = value.abs().min(1.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 255")]
    let mix = |colour: u8| (255.0 + (f64::from(colour) - 255.0) * part).round() as u8;
    RGBColor(mix(red), mix(green), mix(blue))
}
