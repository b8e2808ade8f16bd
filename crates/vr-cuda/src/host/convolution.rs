//! Convolutions as products with unfolded pictures, in plain loops.

use std::ops::Range;

use crate::command::{ConvShape, Convolution, Direction};

/// The output positions, of `out` many, from which tap `tap` of a kernel reads within a side of x.
fn reach(shape: &ConvShape, tap: usize, side: usize, out: usize) -> Range<usize> {
    let start = shape.padding.saturating_sub(tap).div_ceil(shape.stride);
    let end = (side + shape.padding).saturating_sub(tap).div_ceil(shape.stride).min(out);
    start.min(end)..end
}

/// Calls `work` for each row of outputs and each tap that reads a row of a sample's group of channels, with the positions in the
/// unfolded pictures, `[channels / groups][kernel][kernel][rows][columns]`, and where the first of them lies in the group.
fn each_row(shape: &ConvShape, mut work: impl FnMut(Range<usize>, usize)) {
    let &ConvShape { channels, sides: [rows, columns], kernel, stride, padding, groups, .. } = shape;
    let [out_rows, out_columns] = shape.out_sides();
    for channel in 0..channels / groups {
        for tap in 0..kernel * kernel {
            let (u, v) = (tap / kernel, tap % kernel);
            let across = reach(shape, v, columns, out_columns);
            if across.is_empty() {
                continue;
            }
            for row in reach(shape, u, rows, out_rows) {
                let start = ((channel * kernel * kernel + tap) * out_rows + row) * out_columns;
                let x = (channel * rows + row * stride + u - padding) * columns + across.start * stride + v - padding;
                work(start + across.start..start + across.end, x);
            }
        }
    }
}

/// `y ← y + a·x`.
fn axpy(a: f32, x: &[f32], y: &mut [f32]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
}

/// `⟨x, y⟩`, in eight interleaved sums.
fn dot(x: &[f32], y: &[f32]) -> f64 {
    let mut sums = [0.0_f32; 8];
    for (x, y) in x.chunks(8).zip(y.chunks(8)) {
        sums.iter_mut().zip(x.iter().zip(y)).for_each(|(sum, (x, y))| *sum += x * y);
    }
    sums.iter().map(|&sum| f64::from(sum)).sum()
}

/// A convolution in one direction, of the elements from the first of x, of the weight and of y on; one of them is written.
pub fn convolution(of: &Convolution, x: &mut [f32], weight: &mut [f32], y: &mut [f32]) {
    let &Convolution { direction, shape, x_pitch, y_pitch, add, .. } = of;
    if !add {
        match direction {
            Direction::Forward => y.chunks_mut(y_pitch).for_each(|y| y[..shape.y_row()].fill(0.0)),
            Direction::InputGradient => x.chunks_mut(x_pitch).for_each(|x| x[..shape.x_row()].fill(0.0)),
            Direction::WeightGradient => weight.fill(0.0),
        }
    }
    let ConvShape { samples, channels, sides, out, kernel, stride, groups, .. } = shape;
    let [inputs, outputs] = [channels / groups * sides[0] * sides[1], shape.out_sides().iter().product()];
    let (taps, filters) = (channels / groups * kernel * kernel, out / groups);
    let mut unfolded = vec![0.0; taps * outputs];
    let mut sums = vec![0.0; weight.len()];
    for (n, group) in (0..samples).flat_map(|n| (0..groups).map(move |group| (n, group))) {
        let x = &mut x[n * x_pitch + group * inputs..][..inputs];
        let y = &mut y[n * y_pitch + group * filters * outputs..][..filters * outputs];
        let first = group * filters * taps;
        if direction == Direction::InputGradient {
            unfolded.fill(0.0);
        } else {
            each_row(&shape, |to, from| {
                unfolded[to].iter_mut().zip(x[from..].iter().step_by(stride)).for_each(|(to, from)| *to = *from);
            });
        }
        for (filter, y) in y.chunks_mut(outputs).enumerate() {
            for (tap, unfolded) in unfolded.chunks_mut(outputs).enumerate() {
                let place = first + filter * taps + tap;
                match direction {
                    Direction::Forward => axpy(weight[place], unfolded, y),
                    Direction::InputGradient => axpy(weight[place], y, unfolded),
                    Direction::WeightGradient => sums[place] += dot(unfolded, y),
                }
            }
        }
        if direction == Direction::InputGradient {
            each_row(&shape, |from, to| {
                x[to..].iter_mut().step_by(stride).zip(&unfolded[from]).for_each(|(to, from)| *to += *from);
            });
        }
    }
    if direction == Direction::WeightGradient {
        weight.iter_mut().zip(sums).for_each(|(weight, sum)| *weight += sum as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(len: usize, seed: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7 + seed * 13) % 11) as f32 - 5.0).collect()
    }

    /// The definition, index by index: numbers are small integers, so every sum is exact.
    fn by_definition(shape: &ConvShape, x: &[f32], weight: &[f32]) -> Vec<f32> {
        let &ConvShape { samples, channels, sides: [rows, columns], out, kernel, stride, padding, groups } = shape;
        let [out_rows, out_columns] = shape.out_sides();
        let (inner, outer) = (channels / groups, out / groups);
        let mut y = vec![0.0; shape.samples * shape.y_row()];
        for (at, y) in y.iter_mut().enumerate() {
            let (column, row) = (at % out_columns, at / out_columns % out_rows);
            let (o, n) = (at / out_columns / out_rows % out, at / out_columns / out_rows / out);
            for (tap, weight) in weight[o * inner * kernel * kernel..].iter().take(inner * kernel * kernel).enumerate()
            {
                let (v, u, i) = (tap % kernel, tap / kernel % kernel, tap / kernel / kernel);
                let (r, c) = (row * stride + u, column * stride + v);
                if (padding..rows + padding).contains(&r) && (padding..columns + padding).contains(&c) {
                    let channel = n * channels + o / outer * inner + i;
                    *y += weight * x[(channel * rows + r - padding) * columns + c - padding];
                }
            }
        }
        assert_eq!(samples * out * out_rows * out_columns, y.len());
        y
    }

    fn run(direction: Direction, shape: &ConvShape, x: &mut [f32], weight: &mut [f32], y: &mut [f32], add: bool) {
        let null = crate::Address::NULL;
        let (x_pitch, y_pitch) = (x.len() / shape.samples, y.len() / shape.samples);
        let of = Convolution { direction, shape: *shape, x: null, weight: null, y: null, x_pitch, y_pitch, add };
        convolution(&of, x, weight, y);
    }

    #[test]
    fn forward_is_the_definition_and_the_gradients_are_its_transposes() {
        let shape = |sides, kernel, stride, padding, groups| ConvShape {
            samples: 2,
            channels: 4,
            sides,
            out: 6,
            kernel,
            stride,
            padding,
            groups,
        };
        for shape in [
            shape([5, 6], 3, 1, 1, 1),
            shape([7, 5], 3, 2, 1, 2),
            shape([4, 4], 1, 2, 0, 1),
            shape([9, 8], 7, 2, 3, 1),
            shape([5, 5], 5, 1, 0, 2),
            shape([1, 2], 3, 3, 2, 2),
        ] {
            let (mut x, mut weight) = (numbers(shape.samples * shape.x_row(), 1), numbers(shape.weight_len(), 2));
            let mut y = vec![f32::NAN; shape.samples * shape.y_row()];
            run(Direction::Forward, &shape, &mut x, &mut weight, &mut y, false);
            assert_eq!(y, by_definition(&shape, &x, &weight), "{shape:?}");

            // ⟨dy, conv(x', w')⟩ = ⟨dx, x'⟩ for every x', and so for w'.
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
            let mut dy = numbers(shape.samples * shape.y_row(), 3);
            let (mut dx, mut dweight) = (vec![1.0; x.len()], vec![f32::NAN; weight.len()]);
            run(Direction::InputGradient, &shape, &mut dx, &mut weight, &mut dy, true);
            run(Direction::WeightGradient, &shape, &mut x, &mut dweight, &mut dy, false);
            for seed in 4..8 {
                let (other, other_weight) = (numbers(x.len(), seed), numbers(weight.len(), seed + 4));
                let expected = dot(&dy, &by_definition(&shape, &other, &weight)) + dot(&vec![1.0; x.len()], &other);
                assert_eq!(dot(&dx, &other), expected, "{shape:?}");
                let expected = dot(&dy, &by_definition(&shape, &x, &other_weight));
                assert_eq!(dot(&dweight, &other_weight), expected, "{shape:?}");
            }
        }
    }
}
