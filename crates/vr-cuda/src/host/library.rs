//! The kernels as a shared library.

use std::ffi::c_void;
use std::io::Write;
use std::ops::Range;
use std::process::{Command, Stdio};

use libloading::Library;

use crate::kernels::SOURCE;
use crate::{CudaError, Launch};

/// In which order the blocks of a launch run, and the threads of a block between two barriers.
///
/// A GPU promises none, so results must not depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// From the first to the last.
    #[default]
    Forwards,
    /// From the last to the first.
    Backwards,
}

/// A kernel as the macro `KERNEL` of `kernel.h` makes it for the host.
type Entry = unsafe extern "C" fn(*const c_void, u32, u32, u32, u32, u32);

/// The compiled kernels.
#[derive(Debug)]
pub struct HostKernels {
    library: Library,
}

impl HostKernels {
    /// Compiles the kernels by `$CC`, or `cc`, and loads them.
    ///
    /// # Errors
    /// [`CudaError::NoCompiler`] where there is none, [`CudaError::Compile`] when it refuses the source, and
    /// [`CudaError::Load`].
    pub fn compile() -> Result<Self, CudaError> {
        let compiler = std::env::var("CC").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "cc".into());
        let no_compiler = |error| CudaError::NoCompiler { compiler: compiler.clone(), error };
        let folder = tempfile::tempdir().map_err(no_compiler)?;
        let path = folder.path().join("kernels.so");
        let mut child = Command::new(&compiler)
            .args(["-x", "c", "-std=c11", "-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"])
            .args(["-fPIC", "-shared", "-", "-lm", "-o"])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(no_compiler)?;
        // A compiler that stops early says why itself.
        let written = child.stdin.take().map(|mut stdin| stdin.write_all(SOURCE.as_bytes()));
        let output = child.wait_with_output().map_err(no_compiler)?;
        if !output.status.success() || !matches!(written, Some(Ok(()))) {
            let log = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(CudaError::Compile { compiler, log });
        }
        // SAFETY: the library is the one just made; it has no constructors. The file may go, since it stays mapped.
        let library = unsafe { Library::new(&path) }?;
        Ok(Self { library })
    }

    /// Runs all blocks of a launch on the calling thread.
    ///
    /// # Errors
    /// [`CudaError::NoSuchKernel`].
    ///
    /// # Safety
    /// As for [`launch_blocks`](Self::launch_blocks).
    pub unsafe fn launch(&self, launch: &Launch, order: Order) -> Result<(), CudaError> {
        // SAFETY: as promised by the caller.
        unsafe { self.launch_blocks(launch, 0..launch.blocks(), order) }
    }

    /// Runs some of the blocks of a launch on the calling thread. Different blocks may run on several threads at once.
    ///
    /// # Errors
    /// [`CudaError::NoSuchKernel`].
    ///
    /// # Safety
    /// The arguments are those of the kernel: its addresses are those of memory of this process, of as many elements as its lengths
    /// say, and nothing else reads what it writes, or writes what it reads, meanwhile.
    pub unsafe fn launch_blocks(&self, launch: &Launch, blocks: Range<u32>, order: Order) -> Result<(), CudaError> {
        // SAFETY: every function that the source exports is a kernel and has this type.
        let kernel = unsafe { self.library.get::<Entry>(launch.kernel.as_bytes()) }
            .map_err(|_| CudaError::NoSuchKernel { kernel: launch.kernel })?;
        let arguments = launch.arguments.as_ptr().cast();
        let backwards = u32::from(order == Order::Backwards);
        // SAFETY: the words are the kernel's struct of arguments, and about what they say the caller has promised.
        unsafe { kernel(arguments, launch.blocks(), launch.threads, blocks.start, blocks.end, backwards) };
        Ok(())
    }
}
