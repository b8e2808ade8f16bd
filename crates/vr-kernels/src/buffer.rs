//! Memory for lane blocks.

use std::alloc::{self, Layout};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use crate::LANES;

/// Bytes of a cache line: one vector of sixteen samples.
const LINE: usize = LANES * size_of::<f32>();
/// Bytes of a huge page on x86-64, and on most of AArch64.
const HUGE_PAGE: usize = 2 << 20;
/// Cache lines between neighbouring buffers: tensors of a power of two of values would otherwise
/// all fall on the same sets of the cache.
const GAP: usize = 3;

/// A slice of floats that begins on a cache line, so that no vector of a lane block crosses one.
///
/// Buffers made together lie side by side in one piece of memory, in huge pages where the system has
/// them: a network's tensors fill more small pages than the processor can keep track of.
pub struct Buffer {
    start: NonNull<f32>,
    len: usize,
    /// What the slice lies in, for as long as one of its buffers lives.
    _memory: Option<Arc<Memory>>,
}

impl Buffer {
    /// `len` zeros.
    ///
    /// # Panics
    /// If they do not fit into an address space.
    pub fn zeros(len: usize) -> Self {
        Self::zeros_together([len]).pop().unwrap_or_default()
    }

    /// Zeros, a buffer of each length.
    ///
    /// # Panics
    /// If they do not fit into an address space together.
    pub fn zeros_together(lens: impl IntoIterator<Item = usize>) -> Vec<Self> {
        let lens: Vec<usize> = lens.into_iter().collect();
        if lens.is_empty() {
            return Vec::new();
        }
        let lines = |len: usize| len.div_ceil(LANES) + GAP;
        let total = lens.iter().try_fold(0usize, |total, &len| total.checked_add(lines(len)));
        let bytes = total.and_then(|lines| lines.checked_mul(LINE)).expect("tensors that fit into memory");
        let memory = Arc::new(Memory::zeros(bytes));
        let mut at = 0;
        let buffers = lens.into_iter().map(|len| {
            // SAFETY: the buffers before take `at` lines, and this one fits in the rest.
            let start = unsafe { memory.start.add(at * LINE) }.cast();
            at += lines(len);
            Self { start, len, _memory: Some(Arc::clone(&memory)) }
        });
        buffers.collect()
    }
}

impl Default for Buffer {
    /// No floats.
    fn default() -> Self {
        Self { start: NonNull::dangling(), len: 0, _memory: None }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer of {}", self.len)
    }
}

// SAFETY: no two buffers overlap, so a buffer owns its floats as a vector does.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Deref for Buffer {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        // SAFETY: the memory holds `len` initialised floats from `start` on, of this buffer only.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

/// One allocation.
struct Memory {
    start: NonNull<u8>,
    layout: Layout,
}

impl Memory {
    /// So many zero bytes, at least one.
    fn zeros(bytes: usize) -> Self {
        let align = if bytes < HUGE_PAGE { LINE } else { HUGE_PAGE };
        let layout = Layout::from_size_align(bytes, align).expect("tensors that fit into memory");
        // SAFETY: the size is not zero.
        let Some(start) = NonNull::new(unsafe { alloc::alloc(layout) }) else { alloc::handle_alloc_error(layout) };
        if align == HUGE_PAGE {
            ask_for_huge_pages(start, bytes);
        }
        // SAFETY: just allocated. Pages are given as they are first written.
        unsafe { ptr::write_bytes(start.as_ptr(), 0, bytes) };
        Self { start, layout }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout.
        unsafe { alloc::dealloc(self.start.as_ptr(), self.layout) };
    }
}

/// A system that has none to give is no error.
fn ask_for_huge_pages(start: NonNull<u8>, bytes: usize) {
    #[cfg(target_os = "linux")]
    // SAFETY: advice about memory that is ours changes no value.
    unsafe {
        libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (start, bytes);
}

// SAFETY: the memory itself is only ever reached through its buffers.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_begins_on_a_cache_line_and_is_its_own() {
        let lens = [0, 1, 16, 1000, HUGE_PAGE / 4 + 3, 17];
        let mut buffers = Buffer::zeros_together(lens);
        for (i, (buffer, len)) in buffers.iter_mut().zip(lens).enumerate() {
            assert_eq!((buffer.len(), buffer.as_ptr().align_offset(LINE)), (len, 0));
            assert!(buffer.iter().all(|&v| v == 0.0));
            buffer.fill(i as f32);
        }
        // The memory lives as long as one of them.
        let last = buffers.pop().unwrap();
        for (i, buffer) in buffers.iter().enumerate() {
            assert!(buffer.iter().all(|&v| v == i as f32));
        }
        drop(buffers);
        assert!(last.iter().all(|&v| v == 5.0));
    }

    /// Lengths whose bytes wrap to few: `1 << 62` floats are 2⁶⁴ bytes.
    #[test]
    fn lengths_that_wrap_are_refused() {
        for lens in
            [vec![usize::MAX / 4 + 1], vec![usize::MAX], vec![usize::MAX / 2; 5], vec![1 << (usize::BITS - 5); 17]]
        {
            assert!(std::panic::catch_unwind(|| Buffer::zeros_together(lens.clone())).is_err(), "{lens:?}");
        }
    }
}
