//! The kernels, one struct of arguments each.
//!
//! Tensors are `[N][C][H][W]` in f32. Every sum has a fixed order, which depends on sizes alone: neither on the threads of a block nor on
//! the device. Lengths are counted in 32 bits, so that no buffer of numbers has more than 2³¹ − 1 elements.

#[macro_use]
mod argument;
mod activation;
mod bias;
mod cut;
mod dropout;
mod elementwise;
mod lanes;
mod launch;
mod loss;
mod norm;
mod pictures;
mod pool;
mod products;
mod rules;
mod table;
mod variance;
mod vectors;

pub use activation::Activation;
pub use argument::{Address, Argument, Meaning};
pub use bias::{AddBias, ChannelSums, ChannelSumsFold};
pub use cut::{ChannelCut, Chunks};
pub use dropout::Dropout;
pub use elementwise::{Activate, ActivateBackward, Add, Copy, Fill};
pub use lanes::FromLanes;
pub use launch::{Grid, Kernel, Launch};
pub use loss::{CrossEntropy, LossSums};
pub use norm::{NormBackward, NormBackwardFold, NormBackwardSums, NormFold, NormForward, NormMoments, NormStored};
pub use pictures::{GatherLabels, GatherPictures, key_words};
pub use pool::{MaxPool, MaxPoolBackward, MeanPool, MeanPoolBackward, PoolShape};
pub use products::{Deviations, Dot, SumChunks};
pub use rules::{AdamW, Lion, SgdMomentum};
pub use table::{ReadBf16, WriteBf16};
pub use variance::ObserveVariance;
pub use vectors::{AverageIn, Axpy, Combine, CombineEach, MeanAdd, MeanWrite};

/// The source of all kernels, as CUDA C that is also C.
pub const SOURCE: &str = concat!(
    include_str!("../../kernels/kernel.h"),
    include_str!("../../kernels/quad.h"),
    include_str!("../../kernels/chunks.h"),
    include_str!("../../kernels/math.h"),
    include_str!("../../kernels/random.h"),
    include_str!("../../kernels/activation.h"),
    include_str!("../../kernels/bias.cu"),
    include_str!("../../kernels/dropout.cu"),
    include_str!("../../kernels/elementwise.cu"),
    include_str!("../../kernels/lanes.cu"),
    include_str!("../../kernels/loss.cu"),
    include_str!("../../kernels/norm.cu"),
    include_str!("../../kernels/pictures.cu"),
    include_str!("../../kernels/pool.cu"),
    include_str!("../../kernels/products.cu"),
    include_str!("../../kernels/rules.cu"),
    include_str!("../../kernels/table.cu"),
    include_str!("../../kernels/variance.cu"),
    include_str!("../../kernels/vectors.cu"),
);
