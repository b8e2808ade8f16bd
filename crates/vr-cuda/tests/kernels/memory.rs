//! Runs kernels on the host on memory with guards around it.

use std::marker::PhantomData;
use std::sync::OnceLock;

use bytemuck::Pod;
use vr_cuda::host::{HostKernels, Order};
use vr_cuda::{Address, CudaError, Launch};

use crate::simt;

/// Threads of a block that every launch is tried with: one, an odd number, the usual, the most.
const THREADS: [u32; 4] = [1, 37, 256, 1024];

/// Words around each buffer that no kernel may touch.
const GUARD: usize = 4;
const UNTOUCHED: u128 = 0x7ff8_dead_beef_7fc1_7ff8_dead_beef_7fc1;

/// The compiled kernels; `None`, said on standard error, where there is no C compiler.
pub fn kernels() -> Option<&'static HostKernels> {
    static KERNELS: OnceLock<Option<HostKernels>> = OnceLock::new();
    let compile = || match HostKernels::compile() {
        Ok(kernels) => Some(kernels),
        Err(error @ CudaError::NoCompiler { .. }) => {
            eprintln!("SKIPPED: kernels are not tested here: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    };
    KERNELS.get_or_init(compile).as_ref()
}

/// One buffer of a [`Memory`].
#[derive(Clone, Copy)]
pub struct Slot<T>(usize, PhantomData<T>);

#[derive(Clone, PartialEq)]
struct Buffer {
    words: Vec<u128>,
    bytes: usize,
}

/// Memory of kernels: buffers, each between guards.
#[derive(Clone, Default, PartialEq)]
pub struct Memory(Vec<Buffer>);

/// Where the buffers lie during a launch.
pub struct At(Vec<u64>);

impl At {
    pub fn of<T>(&self, slot: Slot<T>) -> Address<T> {
        Address::new(self.0[slot.0])
    }
}

impl Memory {
    /// A buffer that holds `values`.
    pub fn put<T: Pod>(&mut self, values: &[T]) -> Slot<T> {
        let bytes: &[u8] = bytemuck::cast_slice(values);
        let mut words = vec![UNTOUCHED; bytes.len().div_ceil(16) + 2 * GUARD];
        bytemuck::cast_slice_mut(&mut words[GUARD..])[..bytes.len()].copy_from_slice(bytes);
        self.0.push(Buffer { words, bytes: bytes.len() });
        Slot(self.0.len() - 1, PhantomData)
    }

    /// A buffer of values that a kernel has to write: it holds rubbish.
    pub fn rubbish<T: Pod>(&mut self, len: usize) -> Slot<T> {
        let bytes = vec![0xa5_u8; len * size_of::<T>()];
        self.put(&bytemuck::pod_collect_to_vec::<u8, T>(&bytes))
    }

    /// What a buffer holds.
    pub fn get<T: Pod>(&self, slot: Slot<T>) -> Vec<T> {
        let buffer = &self.0[slot.0];
        bytemuck::pod_collect_to_vec(&bytemuck::cast_slice::<u128, u8>(&buffer.words[GUARD..])[..buffer.bytes])
    }

    /// Runs launches one after another, with every size of blocks and in both orders, as loops and as threads: all must leave the same
    /// bits. `None` where there is no C compiler.
    #[must_use]
    pub fn run(&mut self, launches: impl Fn(&At) -> Vec<Result<Launch, CudaError>>) -> Option<()> {
        let kernels = kernels()?;
        let orders = [Order::Forwards, Order::Backwards];
        let as_loops = THREADS.iter().flat_map(|&threads| orders.map(|order| (None, threads, order)));
        let as_threads = simt::library().into_iter().flat_map(|library| orders.map(|order| (Some(library), 37, order)));
        let mut first: Option<Self> = None;
        for (simt, threads, order) in as_loops.chain(as_threads) {
            let mut memory = self.clone();
            let at = At(memory.0.iter_mut().map(|buffer| buffer.words[GUARD..].as_mut_ptr() as u64).collect());
            for launch in launches(&at) {
                let launch = launch.unwrap().with_threads(threads);
                // SAFETY: the tests give addresses of buffers of the lengths that they say; guards show where they do not.
                unsafe {
                    match simt {
                        None => kernels.launch(&launch, order).unwrap(),
                        Some(library) => simt::launch(library, &launch, order),
                    }
                }
            }
            for (index, buffer) in memory.0.iter().enumerate() {
                let end = GUARD * 16 + buffer.bytes;
                let bytes: &[u8] = bytemuck::cast_slice(&buffer.words);
                let before = bytemuck::cast_slice::<u128, u8>(&self.0[index].words);
                assert_eq!(bytes[..GUARD * 16], before[..GUARD * 16], "written before buffer {index}");
                assert_eq!(bytes[end..], before[end..], "written after buffer {index}");
            }
            if let Some(first) = &first {
                let same = first.0.iter().zip(&memory.0).position(|(a, b)| a != b);
                assert_eq!(
                    same,
                    None,
                    "a buffer's bits are others with {threads} threads, {order:?}, SIMT {}",
                    simt.is_some()
                );
            } else {
                first = Some(memory);
            }
        }
        *self = first?;
        Some(())
    }
}

/// Numbers of both signs that look random, the same in each call.
pub fn numbers(seed: u32, len: usize) -> Vec<f32> {
    let key = vr_core::Key::new(u64::from(seed), vr_core::Stream::User);
    (0..len).map(|i| vr_core::random::normal([0, 1].map(|w| key.words(i as u32, 0)[w]))[0] as f32).collect()
}

/// What lies around the samples of a tensor that is a part of a larger one.
const GAP: f32 = 7.25e9;

/// How the samples of a tensor lie in a larger one.
#[derive(Clone, Copy)]
pub struct Part {
    pub row: usize,
    pub pitch: usize,
    pub offset: usize,
}

impl Part {
    /// Samples after `offset` elements each, first with a multiple of four elements around them, as far as the row allows, and then without:
    /// kernels take four neighbours at once where they can.
    pub fn around(row: usize, offset: usize) -> [Self; 2] {
        [Self::of(row, 4 * offset, row + 8 * offset), Self::of(row, offset, row + offset + 1)]
    }

    /// Samples that begin `offset` elements into each `pitch`.
    pub fn of(row: usize, offset: usize, pitch: usize) -> Self {
        Self { row, pitch, offset }
    }

    /// The larger tensor with these values.
    pub fn embed(self, values: &[f32]) -> Vec<f32> {
        let Self { row, pitch, offset } = self;
        let sample = |values: &[f32]| {
            let after = vec![GAP; pitch - offset - row];
            [&vec![GAP; offset][..], values, &after].concat()
        };
        values.chunks(row).flat_map(sample).collect()
    }

    /// The values in such a tensor.
    pub fn extract(self, larger: &[f32]) -> Vec<f32> {
        larger.chunks(self.pitch).flat_map(|sample| &sample[self.offset..][..self.row]).copied().collect()
    }
}

/// Whether each number is within `share` of the expected, or of the largest one's size where it is smaller.
pub fn assert_close(found: &[f32], expected: &[f32], share: f32) {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= share * largest,
            "element {i} is {found}, not {expected}; largest {largest}"
        );
    }
}

pub fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}
