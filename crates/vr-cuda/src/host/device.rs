//! Plans run on the host.

use std::sync::Arc;

use super::convolution::convolution;
use super::library::{HostKernels, Order};
use super::product::product;
use crate::CudaError;
use crate::command::{Command, Convolution, Product};
use crate::device::{Device, Program};
use crate::kernels::Address;
use crate::plan::Plan;

/// The host in place of a GPU. Slow, and as exact as f32 allows.
#[derive(Clone, Debug)]
pub struct HostDevice {
    kernels: Arc<HostKernels>,
    order: Order,
    threads: Option<u32>,
}

/// A plan with memory on the host.
#[derive(Debug)]
pub struct HostProgram {
    device: HostDevice,
    commands: Vec<Command>,
    memory: Vec<u64>,
}

/// Memory that nothing has written yet holds this: NaN as f32 and f64.
const UNWRITTEN: u64 = u64::MAX;

impl HostDevice {
    /// Compiles the kernels.
    ///
    /// # Errors
    /// As [`HostKernels::compile`].
    pub fn new() -> Result<Self, CudaError> {
        Ok(Self { kernels: Arc::new(HostKernels::compile()?), order: Order::Forwards, threads: None })
    }

    /// The same with blocks of so many threads, which run in this order. A result that depends on them would depend on chance on a GPU.
    #[must_use]
    pub fn with(self, threads: u32, order: Order) -> Self {
        Self { threads: Some(threads), order, ..self }
    }
}

impl Device for HostDevice {
    type Program = HostProgram;

    fn compile(&self, plan: &Plan) -> Result<HostProgram, CudaError> {
        let memory = vec![UNWRITTEN; plan.bytes().div_ceil(8) as usize];
        let commands = plan.commands(memory.as_ptr() as u64);
        Ok(HostProgram { device: self.clone(), commands, memory })
    }
}

impl HostProgram {
    fn bytes(&mut self, at: u64, len: usize) -> Result<&mut [u8], CudaError> {
        let memory: &mut [u8] = bytemuck::cast_slice_mut(&mut self.memory);
        let size = memory.len() as u64;
        memory.get_mut(at as usize..).and_then(|memory| memory.get_mut(..len)).ok_or(CudaError::OutOfBounds {
            at,
            len: len as u64,
            memory: size,
        })
    }

    fn execute(&self, command: &Command) -> Result<(), CudaError> {
        match command {
            Command::Kernel { launch, .. } => {
                let launch = match self.device.threads {
                    Some(threads) => launch.clone().with_threads(threads),
                    None => launch.clone(),
                };
                // SAFETY: the plan gives each kernel addresses of values of this memory, as long as its lengths say.
                unsafe { self.device.kernels.launch(&launch, self.device.order) }
            }
            Command::Convolution(command) => {
                let &Convolution { shape, x, weight, y, .. } = command;
                // SAFETY: the plan gives addresses of values of this memory of these lengths. Of those that lie in one larger tensor,
                // other channels are read or written.
                let [x, weight, y] = unsafe {
                    [slice(x, command.x_span()), slice(weight, shape.weight_len()), slice(y, command.y_span())]
                };
                convolution(command, x, weight, y);
                Ok(())
            }
            &Command::Product(Product { sizes: sizes @ [m, n, k], transposed, a, b, c, add }) => {
                // SAFETY: as for a convolution.
                let [a, b, c] = unsafe { [slice(a, m * k), slice(b, k * n), slice(c, m * n)] };
                product(sizes, transposed, a, b, c, add);
                Ok(())
            }
        }
    }
}

impl Program for HostProgram {
    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), CudaError> {
        self.bytes(at, bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    fn run(&mut self) -> Result<(), CudaError> {
        self.commands.iter().try_for_each(|command| self.execute(command))
    }

    fn read(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), CudaError> {
        bytes.copy_from_slice(self.bytes(at, bytes.len())?);
        Ok(())
    }
}

/// The elements at an address.
///
/// # Safety
/// They lie in memory of this process that nothing else reads or writes while the result lives.
unsafe fn slice<'a>(address: Address<f32>, len: usize) -> &'a mut [f32] {
    // SAFETY: as promised by the caller; values begin at multiples of 256 bytes of memory for u64.
    unsafe { std::slice::from_raw_parts_mut(address.raw() as *mut f32, len) }
}
