/// Why a plan could not be made, or run.
#[derive(Debug, thiserror::Error)]
pub enum CudaError {
    /// An argument that kernels count with in 32 bits is larger.
    #[error("kernel `{kernel}`: `{argument}` is {value}, and at most 2147483647 was expected")]
    TooLarge {
        /// The kernel.
        kernel: &'static str,
        /// Its argument.
        argument: &'static str,
        /// How large it is.
        value: usize,
    },
    /// There is no C compiler, or it does not start.
    #[error("the C compiler `{compiler}` did not start: {error}")]
    NoCompiler {
        /// The program.
        compiler: String,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
    /// The compiler refused the kernels.
    #[error("`{compiler}` did not compile the kernels:\n{log}")]
    Compile {
        /// The program.
        compiler: String,
        /// What it says.
        log: String,
    },
    /// The compiled kernels could not be loaded.
    #[error("the compiled kernels could not be loaded: {0}")]
    Load(#[from] libloading::Error),
    /// The compiled kernels do not have this one.
    #[error("there is no kernel `{kernel}` in what was compiled")]
    NoSuchKernel {
        /// The kernel.
        kernel: &'static str,
    },
    /// Memory that a plan does not have was read or written.
    #[error("{len} bytes from byte {at} on of a memory of {memory}")]
    OutOfBounds {
        /// The first byte.
        at: u64,
        /// How many bytes.
        len: u64,
        /// Bytes that there are.
        memory: u64,
    },
    /// The device has too little memory.
    #[error("the device has no {bytes} bytes of memory left; smaller minibatches, or fewer at once, need less")]
    OutOfMemory {
        /// Bytes that were asked for.
        bytes: u64,
    },
    /// One of NVIDIA's libraries is absent.
    #[error(
        "`{library}` ({what}) could not be loaded: {error}; it must be installed, and its folder be known to the system \
         or in LD_LIBRARY_PATH"
    )]
    Library {
        /// Its file.
        library: String,
        /// What it is.
        what: &'static str,
        /// What the system says.
        #[source]
        error: libloading::Error,
    },
    /// There is no such GPU.
    #[error("no GPU has the number {ordinal}; there are {found}, counted from 0")]
    NoDevice {
        /// The number.
        ordinal: usize,
        /// How many there are.
        found: usize,
    },
    /// cuDNN has no algorithm for a convolution.
    #[error("cuDNN has no algorithm that may be taken for {convolution}")]
    NoAlgorithm {
        /// Its direction and sizes.
        convolution: String,
    },
    /// A minibatch of another size than a training was compiled for.
    #[error("a minibatch of {found} samples given to a training compiled for {expected}")]
    Samples {
        /// Its samples.
        found: usize,
        /// Those compiled for.
        expected: usize,
    },
    /// A snapshot of steps that have none, or of no minibatches.
    #[error("a snapshot takes steps of SVRG and at least one minibatch")]
    NoSnapshot,
    /// A plan without commands.
    #[error("nothing was captured: the plan has no commands")]
    EmptyGraph,
    /// One of NVIDIA's libraries refused a call.
    #[error("{call} failed: {error}")]
    Call {
        /// The function.
        call: &'static str,
        /// What it says.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The error of a call of that function.
#[cfg(feature = "cuda")]
pub(crate) fn call<E: std::error::Error + Send + Sync + 'static>(call: &'static str) -> impl FnOnce(E) -> CudaError {
    move |error| CudaError::Call { call, error: Box::new(error) }
}
