//! Vector loads and stores through pointers.

use pulp::Simd;

/// # Safety
/// `from` is valid for reads of one vector.
#[inline(always)]
pub(super) unsafe fn load<S: Simd>(from: *const f32) -> S::f32s {
    // SAFETY: as the caller says; a vector is plain data.
    unsafe { from.cast::<S::f32s>().read_unaligned() }
}

/// # Safety
/// `to` is valid for writes of one vector.
#[inline(always)]
pub(super) unsafe fn store<S: Simd>(to: *mut f32, value: S::f32s) {
    // SAFETY: as the caller says; a vector is plain data.
    unsafe { to.cast::<S::f32s>().write_unaligned(value) }
}

/// The part `index` of `length` cut evenly into `parts`: its start and its end.
#[inline(always)]
pub(super) fn part(length: usize, parts: usize, index: usize) -> (usize, usize) {
    // In 64 bits, so that the product fits wherever the length does.
    let at = |index: usize| (length as u64 * index as u64 / parts as u64) as usize;
    (at(index), at(index + 1))
}

/// The size of the largest part of a length cut evenly into as few parts of up to `most` as it takes.
#[inline(always)]
pub(super) fn largest(length: usize, most: usize) -> usize {
    length.div_ceil(length.div_ceil(most))
}

/// The scratch from its first cache line on.
pub(super) fn aligned(scratch: &mut [f32]) -> &mut [f32] {
    let skip = scratch.as_ptr().align_offset(64);
    &mut scratch[skip..]
}
