//! The ten shapes. Each maps to itself when left and right are exchanged.

/// Whether a point of the shape's own square [−1, 1]² lies in the shape.
pub(super) type Inside = fn(f32, f32) -> bool;

/// Names and shapes, in the order of the labels.
pub(super) const SHAPES: [(&str, Inside); 10] = [
    ("disc", |x, y| x.hypot(y) < 0.95),
    ("ring", |x, y| (0.5..0.95).contains(&x.hypot(y))),
    ("square", |x, y| x.abs().max(y.abs()) < 0.85),
    ("frame", |x, y| (0.48..0.88).contains(&x.abs().max(y.abs()))),
    ("triangle", |x, y| y < 0.85 && x.abs() < 0.5 * (y + 0.95)),
    ("plus", |x, y| x.abs().min(y.abs()) < 0.28 && x.abs().max(y.abs()) < 0.95),
    ("saltire", |x, y| (x.abs() - y.abs()).abs() < 0.36 && x.abs().max(y.abs()) < 0.85),
    ("rows", |x, y| x.abs() < 0.9 && stripe(y)),
    ("columns", |x, y| y.abs() < 0.9 && stripe(x)),
    ("checks", |x, y| x.abs().max(y.abs()) < 0.9 && stripe(x) == stripe(y)),
];

/// Three bars across [−0.9, 0.9].
fn stripe(t: f32) -> bool {
    t.abs() < 0.18 || (0.54..0.9).contains(&t.abs())
}

/// Where a shape goes.
#[derive(Clone, Copy)]
pub(super) struct Placement {
    /// In pixels, x and then y.
    pub(super) centre: [f32; 2],
    /// Half the side of its square, in pixels.
    pub(super) radius: f32,
    /// Small, so that a plus does not become a saltire.
    pub(super) angle: f32,
    /// Width over height.
    pub(super) stretch: f32,
}

impl Placement {
    /// The same in a picture `scale` times as large.
    pub(super) fn scaled(self, scale: f32) -> Self {
        Self { centre: self.centre.map(|place| place * scale), radius: self.radius * scale, ..self }
    }

    /// From the picture to the shape's square.
    pub(super) fn to_shape(self) -> impl Fn(f32, f32) -> (f32, f32) {
        let (sin, cos) = self.angle.sin_cos();
        let root = self.stretch.sqrt();
        let (wide, high) = (1.0 / (self.radius * root), root / self.radius);
        move |x, y| {
            let (dx, dy) = (x - self.centre[0], y - self.centre[1]);
            ((cos * dx + sin * dy) * wide, (cos * dy - sin * dx) * high)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_their_own_mirror_images_and_all_differ() {
        let grid = |inside: Inside, sign: f32| -> Vec<bool> {
            let at = |i: usize| i as f32 / 20.5 - 1.0;
            (0..1681).map(|i| inside(sign * at(i % 41 + 1), at(i / 41 + 1))).collect()
        };
        let all: Vec<_> = SHAPES.iter().map(|(_, inside)| grid(*inside, 1.0)).collect();
        for (i, (name, inside)) in SHAPES.iter().enumerate() {
            assert_eq!(all[i], grid(*inside, -1.0), "{name}");
            assert!(all[i].iter().filter(|&&covered| covered).count() > 300, "{name}");
            for other in &all[..i] {
                let differing = all[i].iter().zip(other).filter(|(a, b)| a != b).count();
                assert!(differing > 200, "{name} is like another shape");
            }
        }
    }
}
