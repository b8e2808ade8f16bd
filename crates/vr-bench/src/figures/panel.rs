//! One pair of axes with data in it.

use super::FigureError;
use super::average::Sample;
use super::axis::{Axis, Mark};
use super::canvas::{AXIS, Area, TEXT, text_style};
use super::palette::{GRID, INK, REFERENCE};
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

/// Lines of more values than this have no markers.
const MARKED: usize = 40;

/// A pair of axes.
pub struct Panel<'a, 's> {
    chart: ChartContext<'a, SVGBackend<'s>, Cartesian2d<Axis, Axis>>,
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
        let mut panel = Self { chart, x, y };
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
        panel.caption(area, caption)?;
        Ok(panel)
    }

    fn caption(&self, area: &Area<'_>, caption: &str) -> Result<(), FigureError> {
        let (columns, rows) = self.chart.plotting_area().get_pixel_range();
        let (left, top) = area.get_base_pixel();
        let at = ((columns.start + columns.end) / 2 - left, rows.start - top - 26);
        Ok(area.draw(&Text::new(caption.to_owned(), at, text_style(AXIS, HPos::Center, VPos::Center)))?)
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
    pub fn hollow(&self, points: impl IntoIterator<Item = (f64, f64)>, colour: RGBColor) -> Result<(), FigureError> {
        for (x, value) in points {
            let at = (x, self.at(value));
            self.chart.plotting_area().draw(&Circle::new(at, 7, colour.stroke_width(3)))?;
        }
        Ok(())
    }

    /// A line through the means, with the spread of the seeds; what lies below the axis is a triangle at its end.
    pub fn line(&self, samples: &[Sample], colour: RGBColor) -> Result<(), FigureError> {
        let area = self.chart.plotting_area();
        let mut run = Vec::new();
        for sample in samples {
            match self.y.place(sample.mean) {
                Mark::At(at) => {
                    run.push((sample.x, at));
                    let spread = vec![(sample.x, self.at(sample.low)), (sample.x, self.at(sample.high))];
                    if sample.high > sample.low {
                        area.draw(&PathElement::new(spread, colour.mix(0.5).stroke_width(4)))?;
                    }
                    if samples.len() <= MARKED {
                        area.draw(&Circle::new((sample.x, at), 7, colour.filled()))?;
                    }
                }
                Mark::Below(at) => {
                    self.stroke(std::mem::take(&mut run), colour)?;
                    area.draw(&TriangleMarker::new((sample.x, at), -11, colour.filled()))?;
                }
            }
        }
        self.stroke(run, colour)
    }

    /// A line through the means in a ribbon of their spread; what lies above the axis is cut off.
    pub fn ribbon(&self, samples: &[Sample], colour: RGBColor) -> Result<(), FigureError> {
        let area = self.chart.plotting_area();
        for inside in samples.chunk_by(|a, b| (a.mean <= self.y.high) == (b.mean <= self.y.high)) {
            if inside[0].mean > self.y.high {
                continue;
            }
            let mut outline: Vec<_> = inside.iter().map(|sample| (sample.x, self.at(sample.low))).collect();
            outline.extend(inside.iter().rev().map(|sample| (sample.x, self.at(sample.high))));
            area.draw(&Polygon::new(outline, colour.mix(0.25)))?;
            self.stroke(inside.iter().map(|sample| (sample.x, self.at(sample.mean))).collect(), colour)?;
        }
        Ok(())
    }

    fn stroke(&self, run: Vec<(f64, f64)>, colour: RGBColor) -> Result<(), FigureError> {
        if run.len() < 2 {
            return Ok(());
        }
        Ok(self.chart.plotting_area().draw(&PathElement::new(run, colour.stroke_width(5)))?)
    }
}
