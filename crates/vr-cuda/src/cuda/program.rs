//! A plan captured once as a CUDA graph, and replayed.

use std::collections::HashMap;
use std::ffi::c_void;
use std::fmt;
use std::sync::Arc;

use cudarc::driver::sys::{CUgraphInstantiate_flags, CUstreamCaptureMode};
use cudarc::driver::{CudaContext, CudaFunction, CudaGraph, CudaModule, CudaSlice, CudaStream, DevicePtr, result};

use super::convolution::Dnn;
use super::options::CudaOptions;
use super::product::Blas;
use crate::CudaError;
use crate::command::Command;
use crate::device::Program;
use crate::error::call;
use crate::kernels::Launch;
use crate::plan::Plan;

/// A plan with memory, stream and handles of its own, so that several run at once.
pub struct CudaProgram {
    // In this order: what is dropped first uses what is dropped after it.
    graph: CudaGraph,
    _queue: Queue,
    memory: CudaSlice<u8>,
    stream: Arc<CudaStream>,
}

// SAFETY: a graph and the handles of NVIDIA's libraries may pass from thread to thread, if only one uses them at a time. They are used
// in `new`, in `run`, which borrows the program alone, and when it is dropped.
unsafe impl Send for CudaProgram {}

/// What commands are queued with.
struct Queue {
    functions: HashMap<&'static str, CudaFunction>,
    dnn: Dnn,
    blas: Blas,
    workspace: CudaSlice<u8>,
    stream: Arc<CudaStream>,
}

impl CudaProgram {
    /// Lays out the memory, chooses the convolutions' algorithms, runs the plan once, so that every library is loaded, and captures it.
    pub(super) fn new(
        context: &Arc<CudaContext>,
        kernels: &Arc<CudaModule>,
        options: CudaOptions,
        plan: &Plan,
    ) -> Result<Self, CudaError> {
        let stream = context.new_stream().map_err(call("cuStreamCreate"))?;
        let memory = stream
            .alloc_zeros::<u8>(plan.bytes().max(1) as usize)
            .map_err(|_| CudaError::OutOfMemory { bytes: plan.bytes() })?;
        let commands = plan.commands(address(&memory, &stream));
        let queue = Queue::new(kernels, options, &stream, &commands)?;
        queue.all(&commands)?;
        stream.synchronize().map_err(call("cuStreamSynchronize"))?;
        let mode = CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        stream.begin_capture(mode).map_err(call("cuStreamBeginCapture"))?;
        let queued = queue.all(&commands);
        // The capture ends in any case, or the stream could not be used any more.
        let graph = stream.end_capture(CUgraphInstantiate_flags(0));
        queued?;
        let graph = graph.map_err(call("cuStreamEndCapture"))?.ok_or(CudaError::EmptyGraph)?;
        graph.upload().map_err(call("cuGraphUpload"))?;
        Ok(Self { graph, _queue: queue, memory, stream })
    }

    fn range(&self, at: u64, len: usize) -> Result<std::ops::Range<usize>, CudaError> {
        let end = at.checked_add(len as u64).filter(|&end| end <= self.memory.len() as u64);
        let outside = CudaError::OutOfBounds { at, len: len as u64, memory: self.memory.len() as u64 };
        end.map(|end| at as usize..end as usize).ok_or(outside)
    }
}

/// Where memory begins on the device.
fn address(memory: &CudaSlice<u8>, stream: &CudaStream) -> u64 {
    memory.device_ptr(stream).0
}

impl Queue {
    fn new(
        kernels: &Arc<CudaModule>,
        options: CudaOptions,
        stream: &Arc<CudaStream>,
        commands: &[Command],
    ) -> Result<Self, CudaError> {
        let mut dnn = Dnn::new(stream, options)?;
        let mut functions = HashMap::new();
        let mut bytes = 1;
        for command in commands {
            match command {
                Command::Kernel { launch, .. } if !functions.contains_key(launch.kernel) => {
                    let kernel = launch.kernel;
                    let function = kernels.load_function(kernel).map_err(|_| CudaError::NoSuchKernel { kernel })?;
                    functions.insert(kernel, function);
                }
                Command::Convolution(convolution) => bytes = bytes.max(dnn.prepare(convolution)?),
                Command::Kernel { .. } | Command::Product(_) => {}
            }
        }
        let workspace = stream.alloc_zeros::<u8>(bytes).map_err(|_| CudaError::OutOfMemory { bytes: bytes as u64 })?;
        let blas = Blas::new(stream, options)?;
        Ok(Self { functions, dnn, blas, workspace, stream: stream.clone() })
    }

    fn all(&self, commands: &[Command]) -> Result<(), CudaError> {
        commands.iter().try_for_each(|command| self.one(command))
    }

    fn one(&self, command: &Command) -> Result<(), CudaError> {
        match command {
            Command::Kernel { launch, .. } => self.kernel(launch),
            Command::Convolution(convolution) => {
                let workspace = address(&self.workspace, &self.stream);
                // SAFETY: the plan gives addresses of values of the program's memory, as long as the shape says; the workspace is as
                // large as the largest of the convolutions asks, and they run one after another.
                unsafe { self.dnn.run(convolution, workspace) }
            }
            // SAFETY: the plan gives addresses of values of the program's memory, as long as the sizes say.
            Command::Product(product) => unsafe { self.blas.run(product) },
        }
    }

    fn kernel(&self, launch: &Launch) -> Result<(), CudaError> {
        if launch.is_empty() {
            return Ok(());
        }
        let kernel = launch.kernel;
        let function = self.functions.get(kernel).ok_or(CudaError::NoSuchKernel { kernel })?;
        let mut parameters = [launch.arguments.as_ptr().cast_mut().cast::<c_void>()];
        let (blocks, threads) = ((launch.blocks(), 1, 1), (launch.threads, 1, 1));
        // SAFETY: the words are the kernel's one parameter, its struct of arguments, which is copied before the call returns; the plan
        // gives addresses of values of the program's memory, as long as the arguments say.
        unsafe {
            result::launch_kernel(function.cu_function(), blocks, threads, 0, self.stream.cu_stream(), &mut parameters)
        }
        .map_err(call("cuLaunchKernel"))
    }
}

impl fmt::Debug for CudaProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CudaProgram").field("bytes", &self.memory.len()).finish_non_exhaustive()
    }
}

impl Program for CudaProgram {
    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), CudaError> {
        let range = self.range(at, bytes.len())?;
        if bytes.is_empty() {
            return Ok(());
        }
        // Memory that is not pinned has been read when this returns.
        self.stream.memcpy_htod(bytes, &mut self.memory.slice_mut(range)).map_err(call("cuMemcpyHtoDAsync"))
    }

    fn run(&mut self) -> Result<(), CudaError> {
        self.graph.launch().map_err(call("cuGraphLaunch"))
    }

    fn read(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), CudaError> {
        let range = self.range(at, bytes.len())?;
        if bytes.is_empty() {
            return Ok(());
        }
        self.stream.memcpy_dtoh(&self.memory.slice(range), bytes).map_err(call("cuMemcpyDtoHAsync"))?;
        self.stream.synchronize().map_err(call("cuStreamSynchronize"))
    }
}
