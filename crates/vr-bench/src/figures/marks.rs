//! What a figure says, as SVG that can be read again: each line a group with its name, each value with its text.
//!
//! The drawing library knows neither groups nor titles, so what lies over its axes is written here.

use std::fmt::Write as _;

use super::palette::hex;
use crate::markup::escape;
use plotters::style::RGBColor;

/// A place on the sheet.
pub type At = (i32, i32);

/// A line, or other marks that belong together, by the name that the legend has for them.
#[derive(Clone, Copy)]
pub struct Series<'a> {
    pub name: &'a str,
    pub colour: RGBColor,
}

/// How a value is marked.
#[derive(Clone, Copy)]
pub enum Shape {
    /// A filled circle.
    Point,
    /// A circle.
    Hollow,
    /// A triangle that points down.
    Floor,
    /// Nothing that is seen: a place for a pointer.
    Unseen,
}

/// The marks of a figure in the order of drawing.
#[derive(Default)]
pub struct Marks {
    svg: String,
    said: Vec<String>,
}

const RADIUS: i32 = 7;
/// How near to an unseen value a pointer must come.
const REACH: i32 = 14;

// Writing to a string cannot fail.
impl Marks {
    /// What `draw` adds is one group.
    pub fn series(&mut self, series: Series<'_>, draw: impl FnOnce(&mut Self)) {
        let _ = writeln!(self.svg, "<g class=\"series\" data-name=\"{}\">", escape(series.name));
        draw(self);
        self.svg.push_str("</g>\n");
    }

    /// A line through the places.
    pub fn line(&mut self, places: &[At], colour: RGBColor, width: u32, opacity: f64) {
        if places.len() > 1 {
            let (points, colour) = (points(places), hex(colour));
            let _ = writeln!(
                self.svg,
                "<polyline fill=\"none\" opacity=\"{opacity}\" stroke=\"{colour}\" stroke-width=\"{width}\" points=\"{points}\"/>"
            );
        }
    }

    /// The inside of an outline.
    pub fn area(&mut self, outline: &[At], colour: RGBColor, opacity: f64) {
        let (points, colour) = (points(outline), hex(colour));
        let _ = writeln!(self.svg, "<polygon opacity=\"{opacity}\" fill=\"{colour}\" points=\"{points}\"/>");
    }

    /// A value with its text.
    pub fn value(&mut self, shape: Shape, at: At, colour: RGBColor, text: &str) {
        let shape = shape.svg(at, colour, RADIUS);
        let _ = writeln!(self.svg, "<g class=\"at\">{shape}<title>{}</title></g>", escape(text));
    }

    /// A filled rectangle that stands for a value. Its colour is the value, so it is the same on any ground.
    pub fn cell(&mut self, (left, top): At, (right, bottom): At, colour: RGBColor, text: &str) {
        let (width, height, colour, text) = (right - left, bottom - top, hex(colour), escape(text));
        let _ = writeln!(
            self.svg,
            "<g class=\"at\"><rect class=\"cell\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" \
             fill=\"{colour}\"/><title>{text}</title></g>"
        );
    }

    /// SVG as it is.
    pub fn push(&mut self, svg: &str) {
        self.svg.push_str(svg);
    }

    /// A sentence for readers who do not see the figure.
    pub fn say(&mut self, sentence: String) {
        self.said.push(sentence);
    }

    /// The SVG of all, and the sentences.
    pub fn finish(self) -> (String, String) {
        (self.svg, self.said.join(" "))
    }
}

impl Shape {
    /// The shape at a place.
    pub fn svg(self, (x, y): At, colour: RGBColor, radius: i32) -> String {
        let colour = hex(colour);
        match self {
            Self::Point => format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{colour}\"/>"),
            Self::Hollow => format!(
                "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"3\"/>"
            ),
            Self::Floor => {
                let corners = points(&[(x - 10, y - 6), (x + 10, y - 6), (x, y + 11)]);
                format!("<polygon fill=\"{colour}\" points=\"{corners}\"/>")
            }
            Self::Unseen => {
                format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{REACH}\" fill=\"none\" pointer-events=\"all\"/>")
            }
        }
    }
}

fn points(places: &[At]) -> String {
    places.iter().map(|(x, y)| format!("{x},{y}")).collect::<Vec<_>>().join(" ")
}
