//! Scratch memory of the kernels.

use std::cell::Cell;

use vr_kernels::Buffer;

thread_local! {
    static SCRATCH: Cell<Buffer> = Cell::default();
}

/// Runs a kernel with `len` floats of scratch, whatever they hold. They are the thread's own: so they stay in its
/// caches from block to block, where a block's own would be far away each time.
pub fn with_scratch<T>(len: usize, kernel: impl FnOnce(&mut [f32]) -> T) -> T {
    let mut scratch = SCRATCH.take();
    if scratch.len() < len {
        scratch = Buffer::zeros(len);
    }
    let result = kernel(&mut scratch[..len]);
    SCRATCH.set(scratch);
    result
}
