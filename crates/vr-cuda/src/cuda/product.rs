//! Matrix products by cuBLAS.

use std::ffi::c_void;
use std::sync::Arc;

use cudarc::cublas::{CudaBlas, result, sys};
use cudarc::driver::{CudaSlice, CudaStream, DevicePtr};

use super::options::CudaOptions;
use crate::CudaError;
use crate::command::Product;
use crate::error::call;

/// Bytes that cuBLAS may work in: what its documentation recommends for Hopper. Memory of its own would be allocated during a
/// capture, and products on one stream with memory from outside have the same bits from run to run.
const WORKSPACE: usize = 32 << 20;

/// cuBLAS on one stream.
pub struct Blas {
    handle: CudaBlas,
    _workspace: CudaSlice<u8>,
}

impl Blas {
    /// On a stream.
    pub fn new(stream: &Arc<CudaStream>, options: CudaOptions) -> Result<Self, CudaError> {
        let handle = CudaBlas::new(stream.clone()).map_err(call("cublasCreate"))?;
        let workspace = stream.alloc_zeros::<u8>(WORKSPACE).map_err(call("cuMemAlloc"))?;
        let mode = match options.tf32 {
            true => sys::cublasMath_t::CUBLAS_TF32_TENSOR_OP_MATH,
            false => sys::cublasMath_t::CUBLAS_DEFAULT_MATH,
        };
        let (start, guard) = workspace.device_ptr(stream);
        // SAFETY: the handle is valid, and the workspace lives as long as it.
        unsafe {
            let raw = *handle.handle();
            sys::cublasSetMathMode(raw, mode).result().map_err(call("cublasSetMathMode"))?;
            let set = sys::cublasSetWorkspace_v2(raw, start as *mut c_void, WORKSPACE);
            set.result().map_err(call("cublasSetWorkspace"))?;
        }
        drop(guard);
        Ok(Self { handle, _workspace: workspace })
    }

    /// Queues a product.
    ///
    /// # Safety
    /// Its addresses are those of memory on the stream's device, of as many elements as its sizes say.
    pub unsafe fn run(&self, product: &Product) -> Result<(), CudaError> {
        let &Product { sizes, transposed, a, b, c, add } = product;
        let [m, n, k] = sizes.map(|size| size as i32);
        // A row-major matrix is its transpose to cuBLAS, whose matrices are column-major: cᵀ = op(b)ᵀ·op(a)ᵀ.
        let stored = |transposed: bool, columns: i32, rows: i32| match transposed {
            false => (sys::cublasOperation_t::CUBLAS_OP_N, columns),
            true => (sys::cublasOperation_t::CUBLAS_OP_T, rows),
        };
        let (a_operation, a_leading) = stored(transposed[0], k, m);
        let (b_operation, b_leading) = stored(transposed[1], n, k);
        let (one, rest) = (1.0_f32, if add { 1.0_f32 } else { 0.0 });
        // SAFETY: the handle is valid, the addresses are as the caller promises, and the scalars are read before the call returns.
        unsafe {
            result::sgemm(
                *self.handle.handle(),
                b_operation,
                a_operation,
                n,
                m,
                k,
                &one,
                b.raw() as *const f32,
                b_leading,
                a.raw() as *const f32,
                a_leading,
                &rest,
                c.raw() as *mut f32,
                n,
            )
        }
        .map_err(call("cublasSgemm"))
    }
}
