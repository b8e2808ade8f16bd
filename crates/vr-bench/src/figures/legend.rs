//! The legend, in a column of its own beside the data.

use super::FigureError;
use super::canvas::{Area, TEXT, text_style};
use super::palette::REFERENCE;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

/// What stands beside a legend text.
#[derive(Clone, Copy)]
pub enum Key {
    Line(RGBColor),
    Hollow(RGBColor),
    Floor(RGBColor),
    Dashed(RGBColor),
    Dotted(RGBColor),
    Band(RGBColor),
    /// Nothing: the text is a heading.
    None,
}

const LINE_HEIGHT: i32 = 36;
const GAP: i32 = 14;
const KEY_LEFT: i32 = 24;
const KEY_WIDTH: i32 = 52;
const TEXT_LEFT: i32 = KEY_LEFT + KEY_WIDTH + 18;
/// Characters that fit beside a key.
const LETTERS: usize = 19;

/// Draws the entries from top to bottom, long texts on several lines.
pub fn legend(area: &Area<'_>, entries: &[(Key, String)]) -> Result<(), FigureError> {
    let mut y = 40;
    for (key, text) in entries {
        draw_key(area, *key, y)?;
        for line in wrap(text, LETTERS) {
            area.draw(&Text::new(line, (TEXT_LEFT, y), text_style(TEXT, HPos::Left, VPos::Center)))?;
            y += LINE_HEIGHT;
        }
        y += GAP;
    }
    Ok(())
}

fn draw_key(area: &Area<'_>, key: Key, y: i32) -> Result<(), FigureError> {
    let (left, right, middle) = (KEY_LEFT, KEY_LEFT + KEY_WIDTH, KEY_LEFT + KEY_WIDTH / 2);
    let ends = vec![(left, y), (right, y)];
    match key {
        Key::None => {}
        Key::Line(colour) => {
            area.draw(&PathElement::new(ends, colour.stroke_width(5)))?;
            area.draw(&Circle::new((middle, y), 8, colour.filled()))?;
        }
        Key::Hollow(colour) => area.draw(&Circle::new((middle, y), 8, colour.stroke_width(3)))?,
        Key::Floor(colour) => area.draw(&TriangleMarker::new((middle, y), -11, colour.filled()))?,
        Key::Dashed(colour) => area.draw(&DashedPathElement::new(ends, 14, 8, colour.stroke_width(3)))?,
        Key::Dotted(colour) => area.draw(&DashedPathElement::new(ends, 4, 8, colour.stroke_width(4)))?,
        Key::Band(colour) => {
            area.draw(&Rectangle::new([(left, y - 14), (right, y + 14)], colour.filled()))?;
            area.draw(&Rectangle::new([(left, y - 14), (right, y + 14)], REFERENCE.mix(0.4)))?;
        }
    }
    Ok(())
}

fn wrap(text: &str, letters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= letters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_wrapped_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("", 7), Vec::<String>::new());
    }
}
