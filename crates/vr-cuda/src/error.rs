/// Why a kernel could not be compiled, or launched.
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
}
