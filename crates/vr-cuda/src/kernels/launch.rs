//! A kernel with its arguments, ready to run.

use super::argument::Meaning;
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

    /// Type in C (without `const`) and name of each field of its struct of arguments.
    fn arguments() -> Vec<(&'static str, &'static str)>;

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
    /// One word a field; together they are the struct that the kernel takes.
    pub arguments: Vec<u64>,
}

impl Launch {
    pub(crate) fn new<K: Kernel + ?Sized>(grid: Grid, values: &[Meaning]) -> Result<Self, CudaError> {
        let kernel = K::NAME;
        let check = |argument, value| match value {
            Meaning::Bits(bits) => Ok(bits),
            Meaning::Count(value) if value > i32::MAX as usize => Err(CudaError::TooLarge { kernel, argument, value }),
            Meaning::Count(value) => Ok(value as u64),
        };
        let fields = K::arguments();
        let arguments =
            fields.iter().zip(values).map(|(field, value)| check(field.1, *value)).collect::<Result<_, _>>()?;
        let (Grid::Elements(size) | Grid::Blocks(size)) = grid;
        check("the grid", Meaning::Count(size))?;
        Ok(Self { kernel, grid, threads: THREADS, arguments })
    }

    /// With so many threads a block, which changes no result.
    #[must_use]
    pub fn with_threads(self, threads: u32) -> Self {
        Self { threads, ..self }
    }

    /// Whether there is nothing to do: no block, which a device would refuse to launch.
    pub fn is_empty(&self) -> bool {
        self.blocks() == 0
    }

    /// Thread blocks.
    pub fn blocks(&self) -> u32 {
        let blocks = match self.grid {
            Grid::Elements(len) => (len as u64).div_ceil(u64::from(self.threads.max(1))).min(MOST_BLOCKS),
            Grid::Blocks(blocks) => blocks as u64,
        };
        blocks as u32
    }
}
