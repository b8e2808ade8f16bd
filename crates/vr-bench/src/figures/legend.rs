//! The legend, in a column of its own beside the data.

use super::canvas::{Area, FONT, KEY_LEFT, TEXT};
use super::marks::{Marks, Shape};
use super::palette::{INK, REFERENCE, hex};
use crate::markup::escape;
use plotters::style::RGBColor;

/// What stands beside a legend text.
#[derive(Clone, Copy)]
pub enum Key {
    Line(RGBColor),
    Hollow(RGBColor),
    Floor(RGBColor),
    Dashed(RGBColor),
    Dotted(RGBColor),
    Band(RGBColor),
    /// A colour of a heat map.
    Cell(RGBColor),
    /// Nothing: the text is a heading.
    None,
}

const LINE_HEIGHT: i32 = 36;
const GAP: i32 = 14;
const KEY_WIDTH: i32 = 52;
const TEXT_LEFT: i32 = KEY_LEFT + KEY_WIDTH + 18;
/// From the middle of a text to its base line, in parts of its size.
const BASE_LINE: f64 = 0.36;
/// Characters that fit beside a key.
const LETTERS: usize = 19;
const RADIUS: i32 = 8;

/// Draws the entries from top to bottom, long texts on several lines. Each is a group that has the text as its name and says
/// where its key lies, for a page that shows the legend itself.
pub fn legend(area: &Area<'_>, marks: &mut Marks, entries: &[(Key, String)]) {
    let (left, top) = area.get_base_pixel();
    let mut y = top + 40;
    marks.push("<g class=\"legend\">\n");
    for (key, text) in entries {
        let x = left + KEY_LEFT;
        let box_of_key = format!("{x} {} {KEY_WIDTH} {LINE_HEIGHT}", y - LINE_HEIGHT / 2);
        let name = escape(text);
        marks
            .push(&format!("<g class=\"key\" data-name=\"{name}\" data-box=\"{box_of_key}\">{}", draw_key(*key, x, y)));
        for line in wrap(text, LETTERS) {
            #[allow(clippy::cast_possible_truncation, reason = "a few units")]
            let base = y + (BASE_LINE * TEXT) as i32;
            let (x, colour, line) = (left + TEXT_LEFT, hex(INK), escape(&line));
            marks.push(&format!(
                "<text x=\"{x}\" y=\"{base}\" font-family=\"{FONT}\" font-size=\"{TEXT}\" fill=\"{colour}\">{line}</text>"
            ));
            y += LINE_HEIGHT;
        }
        marks.push("</g>\n");
        y += GAP;
    }
    marks.push("</g>\n");
}

fn draw_key(key: Key, left: i32, y: i32) -> String {
    let (right, middle, top) = (left + KEY_WIDTH, left + KEY_WIDTH / 2, y - 14);
    let line = |colour: RGBColor, width: i32, dashes: &str| {
        let colour = hex(colour);
        format!(
            "<path fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-dasharray=\"{dashes}\" \
             d=\"M{left} {y}H{right}\"/>"
        )
    };
    let rectangle = |colour: RGBColor, class: &str| {
        let (colour, frame) = (hex(colour), hex(REFERENCE));
        format!(
            "<rect class=\"{class}\" x=\"{left}\" y=\"{top}\" width=\"{KEY_WIDTH}\" height=\"28\" fill=\"{colour}\" \
             stroke=\"{frame}\" stroke-opacity=\"0.4\"/>"
        )
    };
    match key {
        Key::None => String::new(),
        Key::Line(colour) => line(colour, 5, "none") + &Shape::Point.svg((middle, y), colour, RADIUS),
        Key::Hollow(colour) => Shape::Hollow.svg((middle, y), colour, RADIUS),
        Key::Floor(colour) => Shape::Floor.svg((middle, y), colour, RADIUS),
        Key::Dashed(colour) => line(colour, 3, "14 8"),
        Key::Dotted(colour) => line(colour, 4, "4 8"),
        Key::Band(colour) => rectangle(colour, "band"),
        Key::Cell(colour) => rectangle(colour, "cell"),
    }
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
