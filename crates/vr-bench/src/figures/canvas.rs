//! The sheet a figure is drawn on.

use super::FigureError;
use super::marks::Marks;
use super::palette::INK;
use crate::markup::escape;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A part of the sheet.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Size of ordinary text.
pub const TEXT: f64 = 27.0;
/// Size of axis titles.
pub const AXIS: f64 = 29.0;
/// The one font of the figures.
pub const FONT: &str = "DejaVu Sans, sans-serif";
const TITLE: f64 = 36.0;
const TITLE_STRIP: i32 = 84;
/// Width of the column that holds the legend.
const LEGEND_COLUMN: i32 = 420;
/// Free space before its keys.
pub const KEY_LEFT: i32 = 24;
/// The drawing library divides text sizes by this before it writes them.
const LIBRARY_TEXT_FACTOR: f64 = 1.24;

/// A text style of the one font of the figures.
pub fn text_style<'a>(size: f64, horizontal: HPos, vertical: VPos) -> TextStyle<'a> {
    (FONT, size * LIBRARY_TEXT_FACTOR).into_font().color(&INK).pos(Pos::new(horizontal, vertical))
}

/// Draws a figure of the given size: a title above, `draw` in the left part, and a column for a legend to the right. What
/// `draw` marks lies over all else.
///
/// The SVG has the title and what was said of the marks as its `title` and `desc`; `data-panels` is the part without title and
/// legend, for a page that shows these itself.
pub fn figure(
    title: &str,
    (width, height): (u32, u32),
    draw: impl FnOnce(&Area<'_>, &Area<'_>, &mut Marks) -> Result<(), FigureError>,
) -> Result<String, FigureError> {
    let (mut svg, mut marks) = (String::new(), Marks::default());
    let panels = i32::try_from(width).unwrap_or(i32::MAX) - LEGEND_COLUMN;
    {
        let root = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        root.fill(&WHITE)?;
        let (top, body) = root.split_vertically(TITLE_STRIP);
        let size =
            TITLE.min(f64::from(width) / (0.62 * f64::from(u32::try_from(title.chars().count().max(1)).unwrap_or(1))));
        top.draw(&Text::new(title.to_owned(), (30, TITLE_STRIP / 2), text_style(size, HPos::Left, VPos::Center)))?;
        let (left, legend) = body.split_horizontally(panels);
        draw(&left, &legend, &mut marks)?;
        root.present()?;
    }
    let (marks, said) = marks.finish();
    // What stands behind the right end of a line reaches into the free edge of the legend's column.
    let shown = panels + KEY_LEFT;
    let below = i32::try_from(height).unwrap_or(i32::MAX) - TITLE_STRIP;
    let (tag, drawn) = svg.split_once('>').unwrap_or_default();
    let (drawn, end) = drawn.rsplit_once("</svg>").unwrap_or((drawn, ""));
    Ok(format!(
        "{tag} role=\"img\" data-panels=\"0 {TITLE_STRIP} {shown} {below}\">\n<title>{}</title>\n<desc>{}</desc>{drawn}{marks}</svg>{end}",
        escape(title),
        escape(&said),
    ))
}

/// The size of a figure whose panels take the given room.
pub fn size(panels_width: usize, panels_height: usize) -> (u32, u32) {
    let whole = |length: usize| i32::try_from(length).unwrap_or(i32::MAX / 2);
    ((whole(panels_width) + LEGEND_COLUMN).unsigned_abs(), (whole(panels_height) + TITLE_STRIP).unsigned_abs())
}
