//! Element by element. A tensor may be some channels of a larger one: its samples have `row` elements and begin every `pitch`.

use super::{Activation, Address, Grid};

kernel! {
    /// `y = value`.
    Fill = "fill", |of| Grid::Elements(of.len),
    {
        /// Written.
        y: Address<f32>,
        /// Rounded to single precision.
        value: f64,
        /// Elements of y.
        len: usize,
    }
}

kernel! {
    /// `y = x`, or `y += x`.
    Copy = "copy", |of| Grid::Elements(of.len.div_ceil(4)),
    {
        /// `[N][row]`.
        x: Address<f32>,
        /// `[N][row]`, written or added to.
        y: Address<f32>,
        /// N · row.
        len: usize,
        /// Elements of a sample.
        row: usize,
        /// Elements from one sample of x to the next.
        x_pitch: usize,
        /// Elements from one sample of y to the next.
        y_pitch: usize,
        /// Whether y is added to.
        add: bool,
    }
}

kernel! {
    /// `y = activation(a + b)`.
    Add = "add", |of| Grid::Elements(of.len.div_ceil(4)),
    {
        /// `[N][row]`.
        a: Address<f32>,
        /// `[N][row]`.
        b: Address<f32>,
        /// `[N][row]`, written. It may be a or b.
        y: Address<f32>,
        /// N · row.
        len: usize,
        /// Elements of a sample.
        row: usize,
        /// Elements from one sample of a to the next.
        a_pitch: usize,
        /// Elements from one sample of b to the next.
        b_pitch: usize,
        /// Elements from one sample of y to the next.
        y_pitch: usize,
        /// What follows.
        activation: Activation,
    }
}

kernel! {
    /// `y = activation(x)`.
    Activate = "activate", |of| Grid::Elements(of.len.div_ceil(4)),
    {
        /// `[N][row]`.
        x: Address<f32>,
        /// `[N][row]`, written. It may be x.
        y: Address<f32>,
        /// N · row.
        len: usize,
        /// Elements of a sample.
        row: usize,
        /// Elements from one sample of x to the next.
        x_pitch: usize,
        /// Elements from one sample of y to the next.
        y_pitch: usize,
        /// Which.
        activation: Activation,
    }
}

kernel! {
    /// The gradient of what went into an activation.
    ActivateBackward = "activate_backward", |of| Grid::Elements(of.len.div_ceil(4)),
    {
        /// What came out, `[N][row]`.
        y: Address<f32>,
        /// Its gradient.
        dy: Address<f32>,
        /// `[N][row]`, written or added to. It may be dy.
        dx: Address<f32>,
        /// N · row.
        len: usize,
        /// Elements of a sample.
        row: usize,
        /// Elements from one sample of y to the next.
        y_pitch: usize,
        /// Elements from one sample of dy to the next.
        dy_pitch: usize,
        /// Elements from one sample of dx to the next.
        dx_pitch: usize,
        /// Which.
        activation: Activation,
        /// Whether dx is added to.
        add: bool,
    }
}
