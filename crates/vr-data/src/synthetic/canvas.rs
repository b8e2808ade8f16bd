//! A picture in the making.

use super::shape::{Inside, Placement};

/// Red, green and blue planes of numbers in about [0, 1].
pub(super) struct Canvas {
    /// Rows and columns.
    side: usize,
    planes: [Vec<f32>; 3],
}

impl Canvas {
    /// `colour` with a brightness that changes by `across` and `down` over the picture.
    pub(super) fn new(side: usize, colour: [f32; 3], across: f32, down: f32) -> Self {
        let planes = colour.map(|value| {
            let at = |i: usize| {
                let (x, y) = ((i % side) as f32 / side as f32 - 0.5, (i / side) as f32 / side as f32 - 0.5);
                value + across * x + down * y
            };
            (0..side * side).map(at).collect()
        });
        Self { side, planes }
    }

    /// Draws a shape over what is there, with smooth edges.
    pub(super) fn draw(&mut self, inside: Inside, placement: Placement, colour: [f32; 3], opacity: f32) {
        let side = self.side;
        let to_shape = placement.to_shape();
        // The corner of a stretched and turned square is at most 1.6 radii away.
        let reach = 1.6 * placement.radius;
        let range = |centre: f32| {
            let low = (centre - reach).max(0.0) as usize;
            low..((centre + reach).ceil().max(0.0) as usize).min(side)
        };
        for y in range(placement.centre[1]) {
            for x in range(placement.centre[0]) {
                let hits = [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)].into_iter().filter(|(dx, dy)| {
                    let (u, v) = to_shape(x as f32 + dx, y as f32 + dy);
                    inside(u, v)
                });
                let cover = opacity * hits.count() as f32 / 4.0;
                for (plane, value) in self.planes.iter_mut().zip(colour) {
                    let pixel = &mut plane[y * side + x];
                    *pixel += cover * (value - *pixel);
                }
            }
        }
    }

    /// Adds noise and writes bytes, plane after plane.
    pub(super) fn finish(&self, mut noise: impl FnMut() -> f32, out: &mut [u8]) {
        for (byte, value) in out.iter_mut().zip(self.planes.iter().flatten()) {
            // A cast to u8 saturates.
            *byte = ((value + noise()) * 255.0).round() as u8;
        }
    }
}
