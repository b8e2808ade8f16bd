//! A kernel with its arguments, ready to run.

use crate::CudaError;

/// Threads of a block, unless said otherwise.
const THREADS: u32 = 256;

/// Blocks that elements are shared out over at most; each thread then takes several.
const MOST_BLOCKS: u64 = 1 << 16;

/// How a kernel's work is cut into thread blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grid {
    /// Elements that do not depend on each other, in any number of blocks.
    Elements(usize),
    /// So many blocks, each with work of its own.
    Blocks(usize),
}

/// A kernel that can be launched.
pub trait Kernel {
    /// Its name in the source.
    const NAME: &'static str;
    /// Type in C (without `const`) and name of each argument.
    const ARGUMENTS: &'static [(&'static str, &'static str)];

    /// With its grid.
    ///
    /// # Errors
    /// [`CudaError::TooLarge`] when a length does not fit 31 bits.
    fn launch(&self) -> Result<Launch, CudaError>;
}

/// A kernel, its grid, and its arguments as the words of the source's struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The kernel's name in the source.
    pub kernel: &'static str,
    /// How its work is cut into blocks.
    pub grid: Grid,
    /// Threads of a block.
    pub threads: u32,
    /// One word an argument; together they are the struct that the kernel takes.
    pub arguments: Vec<u64>,
}

impl Launch {
    pub(crate) fn new(
        kernel: &'static str,
        grid: Grid,
        counts: &[(&'static str, Option<usize>)],
        arguments: Vec<u64>,
    ) -> Result<Self, CudaError> {
        let (Grid::Elements(size) | Grid::Blocks(size)) = grid;
        let counted = counts.iter().filter_map(|&(argument, count)| Some((argument, count?)));
        for (argument, value) in counted.chain([("the grid", size)]) {
            if value > i32::MAX as usize {
                return Err(CudaError::TooLarge { kernel, argument, value });
            }
        }
        Ok(Self { kernel, grid, threads: THREADS, arguments })
    }

    /// With so many threads a block, which changes no result.
    #[must_use]
    pub fn with_threads(self, threads: u32) -> Self {
        Self { threads, ..self }
    }

    /// Thread blocks, at least 1.
    pub fn blocks(&self) -> u32 {
        let blocks = match self.grid {
            Grid::Elements(len) => (len as u64).div_ceil(u64::from(self.threads.max(1))).min(MOST_BLOCKS),
            Grid::Blocks(blocks) => blocks as u64,
        };
        blocks.max(1) as u32
    }
}
