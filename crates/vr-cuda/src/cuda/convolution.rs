//! Convolutions by cuDNN.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::Arc;

use cudarc::cudnn::result::{self, CudnnError};
use cudarc::cudnn::sys;
use cudarc::driver::CudaStream;

use super::options::CudaOptions;
use crate::CudaError;
use crate::command::{ConvShape, Convolution, Direction};
use crate::error::call;

/// Bytes of working memory that an algorithm may ask for at most.
const MOST_WORKSPACE: usize = 1 << 30;

/// cuDNN on one stream, with every convolution that it was asked to prepare.
///
/// The algorithms follow from cuDNN's own table for the shape and the GPU, never from a timing, so that they are the same in every run.
pub struct Dnn {
    handle: sys::cudnnHandle_t,
    options: CudaOptions,
    prepared: HashMap<Key, Prepared>,
    stream: Arc<CudaStream>,
}

/// What a prepared convolution depends on: sizes, direction, and the steps from sample to sample of x and y.
type Key = (ConvShape, Direction, [usize; 2]);

fn key(convolution: &Convolution) -> Key {
    (convolution.shape, convolution.direction, [convolution.x_pitch, convolution.y_pitch])
}

/// A convolution in one direction, ready to run.
struct Prepared {
    x: Descriptor<sys::cudnnTensorDescriptor_t>,
    y: Descriptor<sys::cudnnTensorDescriptor_t>,
    weight: Descriptor<sys::cudnnFilterDescriptor_t>,
    convolution: Descriptor<sys::cudnnConvolutionDescriptor_t>,
    algorithm: Algorithm,
    workspace: usize,
}

#[derive(Clone, Copy)]
enum Algorithm {
    Forward(sys::cudnnConvolutionFwdAlgo_t),
    InputGradient(sys::cudnnConvolutionBwdDataAlgo_t),
    WeightGradient(sys::cudnnConvolutionBwdFilterAlgo_t),
}

/// A descriptor of cuDNN's, and what destroys it.
struct Descriptor<T: Copy> {
    raw: T,
    destroy: unsafe fn(T) -> Result<(), CudnnError>,
}

impl<T: Copy> Drop for Descriptor<T> {
    fn drop(&mut self) {
        // SAFETY: it was created by cuDNN, and nothing uses it any more.
        if let Err(error) = unsafe { (self.destroy)(self.raw) } {
            tracing::warn!(%error, "cuDNN did not destroy a descriptor");
        }
    }
}

impl Dnn {
    /// On a stream.
    pub fn new(stream: &Arc<CudaStream>, options: CudaOptions) -> Result<Self, CudaError> {
        stream.context().bind_to_thread().map_err(call("cuCtxSetCurrent"))?;
        let handle = result::create_handle().map_err(call("cudnnCreate"))?;
        let dnn = Self { handle, options, prepared: HashMap::new(), stream: stream.clone() };
        // SAFETY: handle and stream are valid; cuDNN's stream type is the driver's.
        unsafe { result::set_stream(handle, stream.cu_stream().cast()) }.map_err(call("cudnnSetStream"))?;
        Ok(dnn)
    }

    /// Chooses an algorithm for a convolution, and says how many bytes it works in.
    pub fn prepare(&mut self, convolution: &Convolution) -> Result<usize, CudaError> {
        let key = key(convolution);
        if let Some(prepared) = self.prepared.get(&key) {
            return Ok(prepared.workspace);
        }
        let prepared = self.prepared_of(key)?;
        let workspace = prepared.workspace;
        self.prepared.insert(key, prepared);
        Ok(workspace)
    }

    fn prepared_of(&self, (shape, direction, [x_pitch, y_pitch]): Key) -> Result<Prepared, CudaError> {
        let ConvShape { samples, channels, sides, out, kernel, stride, padding, groups } = shape;
        let [rows, columns] = shape.out_sides();
        let x = tensor([samples, channels, sides[0], sides[1]], x_pitch)?;
        let y = tensor([samples, out, rows, columns], y_pitch)?;
        let weight = Descriptor {
            raw: result::create_filter_descriptor().map_err(call("cudnnCreateFilterDescriptor"))?,
            destroy: result::destroy_filter_descriptor,
        };
        let convolution = Descriptor {
            raw: result::create_convolution_descriptor().map_err(call("cudnnCreateConvolutionDescriptor"))?,
            destroy: result::destroy_convolution_descriptor,
        };
        let (padding, stride) = (padding as i32, stride as i32);
        // TF32 is what cuDNN takes by default where the GPU has it.
        let math = match self.options.tf32 {
            true => sys::cudnnMathType_t::CUDNN_DEFAULT_MATH,
            false => sys::cudnnMathType_t::CUDNN_FMA_MATH,
        };
        // SAFETY: the descriptors were just created.
        unsafe {
            let dims = [out, channels / groups, kernel, kernel].map(|size| size as i32);
            result::set_filter4d_descriptor(weight.raw, FLOAT, NCHW, dims)
                .map_err(call("cudnnSetFilter4dDescriptor"))?;
            let cross_correlation = sys::cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION;
            result::set_convolution2d_descriptor(
                convolution.raw,
                padding,
                padding,
                stride,
                stride,
                1,
                1,
                cross_correlation,
                FLOAT,
            )
            .map_err(call("cudnnSetConvolution2dDescriptor"))?;
            result::set_convolution_group_count(convolution.raw, groups as i32)
                .map_err(call("cudnnSetConvolutionGroupCount"))?;
            result::set_convolution_math_type(convolution.raw, math).map_err(call("cudnnSetConvolutionMathType"))?;
        }
        let (algorithm, workspace, math) = match direction {
            Direction::Forward => {
                let found = self.suggested(&shape, direction, |count, returned, list| {
                    // SAFETY: handle and descriptors are valid, and the list has room for `count`.
                    unsafe {
                        result::get_convolution_forward_algorithm(
                            self.handle,
                            x.raw,
                            weight.raw,
                            convolution.raw,
                            y.raw,
                            count,
                            returned,
                            list,
                        )
                    }
                })?;
                let found: sys::cudnnConvolutionFwdAlgoPerf_t = found;
                (Algorithm::Forward(found.algo), found.memory, found.mathType)
            }
            Direction::InputGradient => {
                let found = self.suggested(&shape, direction, |count, returned, list| {
                    // SAFETY: as above.
                    unsafe {
                        result::get_convolution_backward_data_algorithm(
                            self.handle,
                            weight.raw,
                            y.raw,
                            convolution.raw,
                            x.raw,
                            count,
                            returned,
                            list,
                        )
                    }
                })?;
                let found: sys::cudnnConvolutionBwdDataAlgoPerf_t = found;
                (Algorithm::InputGradient(found.algo), found.memory, found.mathType)
            }
            Direction::WeightGradient => {
                let found = self.suggested(&shape, direction, |count, returned, list| {
                    // SAFETY: as above.
                    unsafe {
                        result::get_convolution_backward_filter_algorithm(
                            self.handle,
                            x.raw,
                            y.raw,
                            convolution.raw,
                            weight.raw,
                            count,
                            returned,
                            list,
                        )
                    }
                })?;
                let found: sys::cudnnConvolutionBwdFilterAlgoPerf_t = found;
                (Algorithm::WeightGradient(found.algo), found.memory, found.mathType)
            }
        };
        // SAFETY: the descriptor is valid.
        unsafe { result::set_convolution_math_type(convolution.raw, math) }
            .map_err(call("cudnnSetConvolutionMathType"))?;
        Ok(Prepared { x, y, weight, convolution, algorithm, workspace })
    }

    /// The first algorithm of cuDNN's list that may be taken.
    fn suggested<P: Suggestion>(
        &self,
        shape: &ConvShape,
        direction: Direction,
        ask: impl FnOnce(i32, *mut i32, *mut P) -> Result<(), CudnnError>,
    ) -> Result<P, CudaError> {
        const MOST: usize = 8;
        let mut returned = 0;
        // SAFETY: the structs are of integers and of enumerations that have a 0.
        let mut list: [P; MOST] = unsafe { std::mem::zeroed() };
        ask(MOST as i32, &mut returned, list.as_mut_ptr()).map_err(call("cudnnGetConvolution…Algorithm_v7"))?;
        let list = &list[..(returned.max(0) as usize).min(MOST)];
        let may = |found: &&P| {
            found.works() && found.memory() <= MOST_WORKSPACE && (self.options.any_order || found.has_fixed_order())
        };
        list.iter().find(may).copied().ok_or_else(|| no_algorithm(shape, direction))
    }

    /// Queues a convolution that was prepared.
    ///
    /// # Safety
    /// Its addresses are those of memory on the stream's device, of as many elements as its shape says; `workspace` is that of as many
    /// bytes as [`prepare`](Self::prepare) said, which nothing else uses meanwhile.
    pub unsafe fn run(&self, convolution: &Convolution, workspace: u64) -> Result<(), CudaError> {
        let &Convolution { direction, shape, x, weight, y, add, .. } = convolution;
        let Some(prepared) = self.prepared.get(&key(convolution)) else {
            return Err(no_algorithm(&shape, direction));
        };
        let (one, rest) = (1.0_f32, if add { 1.0_f32 } else { 0.0 });
        let (one, rest) = ((&raw const one).cast::<c_void>(), (&raw const rest).cast::<c_void>());
        let [x, weight, y] = [x, weight, y].map(|address| address.raw() as *mut c_void);
        let (memory, bytes) = (workspace as *mut c_void, prepared.workspace);
        let Prepared { x: dx, y: dy, weight: dw, convolution, algorithm, .. } = prepared;
        let (dx, dy, dw, conv) = (dx.raw, dy.raw, dw.raw, convolution.raw);
        let handle = self.handle;
        // SAFETY: handle and descriptors are valid, the addresses are as the caller promises, and the scalars are read before the
        // calls return.
        unsafe {
            match *algorithm {
                Algorithm::Forward(algorithm) => result::convolution_forward(
                    handle, one, dx, x, dw, weight, conv, algorithm, memory, bytes, rest, dy, y,
                )
                .map_err(call("cudnnConvolutionForward")),
                Algorithm::InputGradient(algorithm) => result::convolution_backward_data(
                    handle, one, dw, weight, dy, y, conv, algorithm, memory, bytes, rest, dx, x,
                )
                .map_err(call("cudnnConvolutionBackwardData")),
                Algorithm::WeightGradient(algorithm) => result::convolution_backward_filter(
                    handle, one, dx, x, dy, y, conv, algorithm, memory, bytes, rest, dw, weight,
                )
                .map_err(call("cudnnConvolutionBackwardFilter")),
            }
        }
    }
}

impl Drop for Dnn {
    fn drop(&mut self) {
        self.prepared.clear();
        if let Err(error) = self.stream.context().bind_to_thread() {
            tracing::warn!(%error, "the GPU's context is gone");
        }
        // SAFETY: the handle was created by cuDNN, and nothing uses it any more.
        if let Err(error) = unsafe { result::destroy_handle(self.handle) } {
            tracing::warn!(%error, "cuDNN did not destroy its handle");
        }
    }
}

fn no_algorithm(shape: &ConvShape, direction: Direction) -> CudaError {
    CudaError::NoAlgorithm { convolution: format!("{direction:?} of {shape:?}") }
}

const FLOAT: sys::cudnnDataType_t = sys::cudnnDataType_t::CUDNN_DATA_FLOAT;
const NCHW: sys::cudnnTensorFormat_t = sys::cudnnTensorFormat_t::CUDNN_TENSOR_NCHW;

/// `[N][C][H][W]` whose samples begin every `pitch` elements.
fn tensor([n, c, h, w]: [usize; 4], pitch: usize) -> Result<Descriptor<sys::cudnnTensorDescriptor_t>, CudaError> {
    let raw = result::create_tensor_descriptor().map_err(call("cudnnCreateTensorDescriptor"))?;
    let descriptor = Descriptor { raw, destroy: result::destroy_tensor_descriptor };
    // SAFETY: the descriptor was just created.
    unsafe {
        let (dims, strides) = ([n, c, h, w], [pitch, h * w, w, 1]);
        result::set_tensor4d_descriptor_ex(raw, FLOAT, dims.map(|size| size as i32), strides.map(|size| size as i32))
    }
    .map_err(call("cudnnSetTensor4dDescriptorEx"))?;
    Ok(descriptor)
}

/// What cuDNN says of an algorithm.
trait Suggestion: Copy {
    fn works(&self) -> bool;
    fn memory(&self) -> usize;
    fn has_fixed_order(&self) -> bool;
}

macro_rules! suggestions {
    ($($list:ty),*) => {$(
        impl Suggestion for $list {
            fn works(&self) -> bool {
                self.status == sys::cudnnStatus_t::CUDNN_STATUS_SUCCESS
            }
            fn memory(&self) -> usize {
                self.memory
            }
            fn has_fixed_order(&self) -> bool {
                self.determinism == sys::cudnnDeterminism_t::CUDNN_DETERMINISTIC
            }
        }
    )*};
}

suggestions!(
    sys::cudnnConvolutionFwdAlgoPerf_t,
    sys::cudnnConvolutionBwdDataAlgoPerf_t,
    sys::cudnnConvolutionBwdFilterAlgoPerf_t
);
