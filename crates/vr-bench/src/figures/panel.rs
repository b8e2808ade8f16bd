//! One pair of axes with data in it.

use super::FigureError;
use super::average::Sample;
use super::axis::{Axis, Mark};
use super::canvas::{AXIS, Area, TEXT, text_style};
use super::marks::{At, Marks, Series, Shape};
use super::palette::{GRID, INK, REFERENCE};
use crate::markup::number;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

/// Lines of more values than this have no markers.
const MARKED: usize = 40;

/// A pair of axes.
pub struct Panel<'a, 's> {
    chart: ChartContext<'a, SVGBackend<'s>, Cartesian2d<Axis, Axis>>,
    caption: String,
    x: Axis,
    y: Axis,
}

impl<'a, 's> Panel<'a, 's> {
    /// Draws the shaded bands (between two values of y), then grid and axes over them.
    pub fn new(
        area: &'a Area<'s>,
        caption: &str,
        (x, y): (Axis, Axis),
        bands: &[(f64, f64, RGBColor)],
    ) -> Result<Self, FigureError> {
        let size = text_style(TEXT, HPos::Left, VPos::Center);
        let mut builder = ChartBuilder::on(area);
        builder.margin_left(20).margin_right(40).margin_bottom(16).margin_top(if caption.is_empty() { 14 } else { 60 });
        builder.set_label_area_size(LabelAreaPosition::Left, 140);
        builder.set_label_area_size(LabelAreaPosition::Bottom, 100);
        let chart = builder.build_cartesian_2d(x.clone(), y.clone())?;
        let mut panel = Self { chart, caption: caption.to_owned(), x, y };
        for &(from, to, colour) in bands {
            panel.band(from, to, colour)?;
        }
        let (x, y) = (panel.x.clone(), panel.y.clone());
        panel
            .chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(2))
            .axis_style(INK.stroke_width(2))
            .set_all_tick_mark_size(9)
            .label_style(size)
            .axis_desc_style(text_style(AXIS, HPos::Left, VPos::Center))
            .x_desc(x.title.clone())
            .y_desc(y.title.clone())
            .x_label_formatter(&|tick| x.label(*tick))
            .y_label_formatter(&|tick| y.label(*tick))
            .draw()?;
        panel.draw_caption(area)?;
        Ok(panel)
    }

    fn draw_caption(&self, area: &Area<'_>) -> Result<(), FigureError> {
        let (columns, rows) = self.chart.plotting_area().get_pixel_range();
        let (left, top) = area.get_base_pixel();
        let at = ((columns.start + columns.end) / 2 - left, rows.start - top - 26);
        Ok(area.draw(&Text::new(self.caption.clone(), at, text_style(AXIS, HPos::Center, VPos::Center)))?)
    }

    fn at(&self, value: f64) -> f64 {
        match self.y.place(value) {
            Mark::At(at) | Mark::Below(at) => at,
        }
    }

    fn band(&mut self, from: f64, to: f64, colour: RGBColor) -> Result<(), FigureError> {
        let corners = [(self.x.low, self.at(from)), (self.x.high, self.at(to))];
        Ok(self.chart.plotting_area().draw(&Rectangle::new(corners, colour.filled()))?)
    }

    /// A dashed line across the panel at a value of y, with a text behind its right end.
    pub fn across(&self, value: f64, text: &str) -> Result<(), FigureError> {
        let (area, at) = (self.chart.plotting_area(), self.at(value));
        let ends = [(self.x.low, at), (self.x.high, at)];
        area.draw(&DashedPathElement::new(ends, 14, 8, REFERENCE.stroke_width(3)))?;
        let label = Text::new(text.to_owned(), (8, 0), text_style(TEXT, HPos::Left, VPos::Center));
        Ok(area.draw(&(EmptyElement::at((self.x.high, at)) + label))?)
    }

    /// A dotted line up the panel at a place of x, where that lies on the axis.
    pub fn upright(&self, x: f64) -> Result<(), FigureError> {
        if !(self.x.low..=self.x.high).contains(&x) {
            return Ok(());
        }
        let ends = [(x, self.y.low), (x, self.y.high)];
        Ok(self.chart.plotting_area().draw(&DashedPathElement::new(ends, 4, 8, REFERENCE.stroke_width(3)))?)
    }

    /// Hollow circles.
    pub fn hollow(
        &self,
        marks: &mut Marks,
        name: &str,
        points: impl IntoIterator<Item = (f64, f64)>,
        (series, colour): (&str, RGBColor),
    ) {
        marks.series(Series { name, colour }, |marks| {
            for (x, value) in points {
                let text = format!("{name}, {series}\n{}", self.text(x, value));
                marks.value(Shape::Hollow, self.place(x, self.at(value)), colour, &text);
            }
        });
    }

    /// A line through the means, with the spread of the seeds; what lies below the axis is a triangle at its end.
    pub fn line(&self, marks: &mut Marks, series: Series<'_>, samples: &[Sample]) {
        self.say(marks, series, samples);
        marks.series(series, |marks| {
            let inside = |sample: &Sample| matches!(self.y.place(sample.mean), Mark::At(_));
            for run in samples.chunk_by(|a, b| inside(a) == inside(b)).filter(|run| inside(&run[0])) {
                for sample in run.iter().filter(|sample| sample.high > sample.low) {
                    let ends = [sample.low, sample.high].map(|value| self.place(sample.x, self.at(value)));
                    marks.line(&ends, series.colour, 4, 0.5);
                }
                marks.line(&self.means(run), series.colour, 5, 1.0);
            }
            self.values(marks, series, samples, samples.len() <= MARKED);
        });
    }

    /// A line through the means in a ribbon of their spread; what lies above the axis is cut off.
    pub fn ribbon(&self, marks: &mut Marks, series: Series<'_>, samples: &[Sample]) {
        self.say(marks, series, samples);
        marks.series(series, |marks| {
            let inside = |sample: &Sample| sample.mean <= self.y.high;
            for run in samples.chunk_by(|a, b| inside(a) == inside(b)).filter(|run| inside(&run[0])) {
                let mut outline: Vec<_> = run.iter().map(|s| self.place(s.x, self.at(s.low))).collect();
                outline.extend(run.iter().rev().map(|s| self.place(s.x, self.at(s.high))));
                marks.area(&outline, series.colour, 0.25);
                marks.line(&self.means(run), series.colour, 5, 1.0);
                self.values(marks, series, run, false);
            }
        });
    }

    /// Where axis units lie on the sheet.
    fn place(&self, x: f64, y: f64) -> At {
        self.chart.plotting_area().map_coordinate(&(x, y))
    }

    fn means(&self, samples: &[Sample]) -> Vec<At> {
        samples.iter().map(|sample| self.place(sample.x, self.at(sample.mean))).collect()
    }

    fn values(&self, marks: &mut Marks, Series { name, colour }: Series<'_>, samples: &[Sample], seen: bool) {
        for &Sample { x, mean, low, high } in samples {
            let spread = if high > low { format!(" ({} to {})", number(low), number(high)) } else { String::new() };
            let text = format!("{name}\n{}{spread}", self.text(x, mean));
            let shape = match self.y.place(mean) {
                Mark::Below(_) => Shape::Floor,
                Mark::At(_) if seen => Shape::Point,
                Mark::At(_) => Shape::Unseen,
            };
            marks.value(shape, self.place(x, self.at(mean)), colour, &text);
        }
    }

    /// A value as it is told beside its mark.
    fn text(&self, x: f64, value: f64) -> String {
        format!("{}: {}\n{}: {}", self.x.name(), self.x_text(x), self.y.name(), number(value))
    }

    /// A place along the panel: most are whole.
    fn x_text(&self, x: f64) -> String {
        let value = self.x.value(x);
        if value.fract() == 0.0 { value.to_string() } else { number(value) }
    }

    /// How a line goes, in a sentence.
    fn say(&self, marks: &mut Marks, series: Series<'_>, samples: &[Sample]) {
        let ([first, .., last] | [first @ last]) = samples else { return };
        let caption = if self.caption.is_empty() { String::new() } else { format!("{}, ", self.caption) };
        let [start, end] = [first, last]
            .map(|sample| format!("{} at {} {}", number(sample.mean), self.x.name(), self.x_text(sample.x)));
        let (name, quantity) = (series.name, self.y.name());
        marks.say(format!("{caption}{name}: {quantity} from {start} to {end}."));
    }
}
