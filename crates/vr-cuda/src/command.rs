//! What a device is asked to do, in order: kernels of our own, convolutions and matrix products.

use crate::CudaError;
use crate::kernels::{Address, Kernel, Launch};

/// One step of a plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A kernel of our own.
    Kernel {
        /// The kernel with its arguments.
        launch: Launch,
        /// Which of the arguments are addresses.
        addresses: Vec<usize>,
    },
    /// A convolution in one of its three directions.
    Convolution(Convolution),
    /// A matrix product.
    Product(Product),
}

impl Command {
    /// The launch of a kernel.
    ///
    /// # Errors
    /// [`CudaError::TooLarge`] when a length does not fit 31 bits.
    pub fn kernel<K: Kernel>(kernel: &K) -> Result<Self, CudaError> {
        let is_address = |(place, (c, _)): (usize, &(&str, &str))| c.ends_with('*').then_some(place);
        let addresses = K::arguments().iter().enumerate().filter_map(is_address).collect();
        Ok(Self::Kernel { launch: kernel.launch()?, addresses })
    }

    /// The same with other addresses in place of those that are not null.
    #[must_use]
    pub fn relocated(mut self, mut to: impl FnMut(u64) -> u64) -> Self {
        let mut word = |raw: &mut u64| {
            if *raw != 0 {
                *raw = to(*raw);
            }
        };
        let address = |address: &mut Address<f32>| {
            let mut raw = address.raw();
            word(&mut raw);
            *address = Address::new(raw);
        };
        match &mut self {
            Self::Convolution(Convolution { x, weight, y, .. }) => [x, weight, y].into_iter().for_each(address),
            Self::Product(Product { a, b, c, .. }) => [a, b, c].into_iter().for_each(address),
            Self::Kernel { launch, addresses } => {
                addresses.iter().for_each(|&place| word(&mut launch.arguments[place]));
            }
        }
        self
    }

    /// Its addresses that are not null.
    pub fn addresses(&self) -> Vec<u64> {
        let mut found = Vec::new();
        _ = self.clone().relocated(|address| {
            found.push(address);
            address
        });
        found
    }
}

/// What a convolution computes of x, weight and y.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// `y ← x * weight`.
    Forward,
    /// `x ← ∂/∂x ⟨y, x * weight⟩`: x is the gradient of the input, y that of the output.
    InputGradient,
    /// `weight ← ∂/∂weight ⟨y, x * weight⟩`: weight is the gradient of the weight, y that of the output.
    WeightGradient,
}

/// Sizes of a convolution (cross-correlation, as in PyTorch) with a square kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvShape {
    /// Pictures N.
    pub samples: usize,
    /// Input channels.
    pub channels: usize,
    /// Rows and columns of an input picture.
    pub sides: [usize; 2],
    /// Output channels.
    pub out: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Step between patches.
    pub stride: usize,
    /// Zeros added on every side.
    pub padding: usize,
    /// Equal groups of neighbouring channels.
    pub groups: usize,
}

impl ConvShape {
    /// Rows and columns of an output picture.
    pub fn out_sides(&self) -> [usize; 2] {
        self.sides.map(|side| (side + 2 * self.padding - self.kernel) / self.stride + 1)
    }
    /// Elements of one sample of x, `[channels][rows][columns]`.
    pub fn x_row(&self) -> usize {
        self.channels * self.sides[0] * self.sides[1]
    }
    /// Elements of the weight, `[out][channels / groups][kernel][kernel]`.
    pub fn weight_len(&self) -> usize {
        self.out * (self.channels / self.groups) * self.kernel * self.kernel
    }
    /// Elements of one sample of y, `[out][rows][columns]`.
    pub fn y_row(&self) -> usize {
        let [rows, columns] = self.out_sides();
        self.out * rows * columns
    }
}

/// A convolution in one direction; which of the three tensors it writes follows from that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Convolution {
    /// What is computed.
    pub direction: Direction,
    /// Sizes.
    pub shape: ConvShape,
    /// The input, or its gradient.
    pub x: Address<f32>,
    /// The weight, or its gradient.
    pub weight: Address<f32>,
    /// The output, or its gradient.
    pub y: Address<f32>,
    /// Elements from one sample of x to the next.
    pub x_pitch: usize,
    /// Elements from one sample of y to the next.
    pub y_pitch: usize,
    /// Whether the result is added to what is there.
    pub add: bool,
}

impl Convolution {
    /// Elements from the first of x to the last.
    pub fn x_span(&self) -> usize {
        (self.shape.samples - 1) * self.x_pitch + self.shape.x_row()
    }
    /// Elements from the first of y to the last.
    pub fn y_span(&self) -> usize {
        (self.shape.samples - 1) * self.y_pitch + self.shape.y_row()
    }
}

/// `c ← op(a)·op(b)`, row-major: `op(a)` is m×k, `op(b)` is k×n, c is m×n.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Product {
    /// Rows of c, columns of c, and the length of the sums.
    pub sizes: [usize; 3],
    /// Whether a is stored k×m, and b is stored n×k.
    pub transposed: [bool; 2],
    /// The left factor.
    pub a: Address<f32>,
    /// The right factor.
    pub b: Address<f32>,
    /// The product.
    pub c: Address<f32>,
    /// Whether the product is added to what is there.
    pub add: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::AddBias;

    #[test]
    fn addresses_and_nothing_else_are_moved() {
        let kernel = AddBias { y: Address::new(8), bias: Address::NULL, len: 8, row: 8, positions: 4, y_pitch: 8 };
        let command = Command::kernel(&kernel).unwrap();
        assert_eq!(command.addresses(), [8]);
        let moved = AddBias { y: Address::new(108), ..kernel };
        assert_eq!(command.relocated(|address| address + 100), Command::kernel(&moved).unwrap());
    }
}
