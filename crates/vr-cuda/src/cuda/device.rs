//! One GPU with the kernels of our own.

use std::fmt;
use std::sync::Arc;

use cudarc::driver::sys::CUdevice_attribute;
use cudarc::driver::{CudaContext, CudaModule};
use cudarc::nvrtc::{CompileError, CompileOptions, compile_ptx_with_opts};

use super::libraries;
use super::options::CudaOptions;
use super::program::CudaProgram;
use crate::CudaError;
use crate::device::Device;
use crate::error::call;
use crate::kernels::SOURCE;
use crate::plan::Plan;

/// A GPU.
#[derive(Clone)]
pub struct CudaDevice {
    context: Arc<CudaContext>,
    kernels: Arc<CudaModule>,
    options: CudaOptions,
}

impl CudaDevice {
    /// The GPU of that number, with the kernels compiled for it.
    ///
    /// # Errors
    /// [`CudaError::Library`] where one of NVIDIA's libraries is absent, [`CudaError::NoDevice`] where there is no such GPU,
    /// [`CudaError::Compile`] when the kernels are refused, and [`CudaError::Call`].
    pub fn new(ordinal: usize, options: CudaOptions) -> Result<Self, CudaError> {
        check(ordinal)?;
        let context = CudaContext::new(ordinal).map_err(call("cuDevicePrimaryCtxRetain"))?;
        // SAFETY: a program's memory is used on its own stream alone.
        unsafe { context.disable_event_tracking() };
        let kernels = compile(&context)?;
        Ok(Self { context, kernels, options })
    }

    /// Its name.
    ///
    /// # Errors
    /// [`CudaError::Call`].
    pub fn name(&self) -> Result<String, CudaError> {
        self.context.name().map_err(call("cuDeviceGetName"))
    }

    /// How it computes.
    pub fn options(&self) -> CudaOptions {
        self.options
    }
}

impl fmt::Debug for CudaDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { context, options, .. } = self;
        f.debug_struct("CudaDevice").field("ordinal", &context.ordinal()).field("options", options).finish()
    }
}

impl Device for CudaDevice {
    type Program = CudaProgram;

    fn compile(&self, plan: &Plan) -> Result<CudaProgram, CudaError> {
        CudaProgram::new(&self.context, &self.kernels, self.options, plan)
    }
}

/// Whether NVIDIA's libraries and the GPU of that number are there.
///
/// # Errors
/// [`CudaError::Library`], [`CudaError::NoDevice`] and [`CudaError::Call`].
pub fn check(ordinal: usize) -> Result<(), CudaError> {
    libraries::check()?;
    let found = CudaContext::device_count().map_err(call("cuInit"))?.max(0) as usize;
    if ordinal < found { Ok(()) } else { Err(CudaError::NoDevice { ordinal, found }) }
}

/// The kernels for the context's GPU. The driver keeps what it makes of them in a cache of its own.
fn compile(context: &Arc<CudaContext>) -> Result<Arc<CudaModule>, CudaError> {
    use CUdevice_attribute::{
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR as MAJOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR as MINOR,
    };
    let capability = |attribute| context.attribute(attribute).map_err(call("cuDeviceGetAttribute"));
    let architecture = format!("--gpu-architecture=compute_{}{}", capability(MAJOR)?, capability(MINOR)?);
    let options = CompileOptions { fmad: Some(false), options: vec![architecture], ..CompileOptions::default() };
    let compiled = compile_ptx_with_opts(SOURCE, options).map_err(|error| {
        let log = match &error {
            CompileError::CompileError { log, .. } => log.to_string_lossy().into_owned(),
            other => other.to_string(),
        };
        CudaError::Compile { compiler: "NVRTC".into(), log }
    })?;
    context.load_module(compiled).map_err(call("cuModuleLoadData"))
}
