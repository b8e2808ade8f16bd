//! The CUDA side of the source on the host: threads that run to their barriers.

use std::ffi::c_void;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};

use libloading::Library;
use vr_cuda::Launch;
use vr_cuda::host::Order;
use vr_cuda::kernels::SOURCE;

use crate::arguments::names;

/// A kernel as `entries` makes it.
type Entry = unsafe extern "C" fn(*const c_void, u32, u32, u32) -> i32;

/// A function of C for each kernel.
fn entries() -> String {
    let entry = |name: &str| {
        format!(
            "extern \"C\" int run_{name}(const void *arguments, unsigned blocks, unsigned threads, unsigned backwards) {{
                auto kernel = [](const void *arguments) {{ {name}(*static_cast<const {name}_arguments *>(arguments)); }};
                return launch(kernel, arguments, blocks, threads, backwards);
            }}\n"
        )
    };
    names().into_iter().map(entry).collect()
}

/// The library; `None`, said on standard error, where there is no C++ compiler or no `ucontext.h`.
pub fn library() -> Option<&'static Mutex<Library>> {
    static LIBRARY: OnceLock<Option<Mutex<Library>>> = OnceLock::new();
    LIBRARY
        .get_or_init(|| {
            if !cfg!(all(target_os = "linux", target_env = "gnu")) {
                eprintln!("SKIPPED: barriers are tested on Linux with glibc alone");
                return None;
            }
            let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("simt.so");
            let spawned = Command::new(&compiler)
                .args(["-x", "c++", "-std=c++17", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"])
                .args(["-fPIC", "-shared", "-", "-o"])
                .arg(&path)
                .stdin(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn();
            let mut child = match spawned {
                Ok(child) => child,
                Err(error) => {
                    eprintln!("SKIPPED: barriers are not tested here: `{compiler}`: {error}");
                    return None;
                }
            };
            let source = [include_str!("simt.h"), SOURCE, &entries()].concat();
            // A compiler that stops early says why itself.
            let _ = child.stdin.take().unwrap().write_all(source.as_bytes());
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            // SAFETY: the library is the one just made.
            Some(Mutex::new(unsafe { Library::new(&path) }.unwrap()))
        })
        .as_ref()
}

/// Runs a launch.
///
/// # Safety
/// As for the kernels on the host.
pub unsafe fn launch(library: &Mutex<Library>, launch: &Launch, order: Order) {
    // One at a time: shared memory and threads are global.
    let library = library.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let name = format!("run_{}", launch.kernel);
    // SAFETY: every such function has this type.
    let entry = unsafe { library.get::<Entry>(name.as_bytes()) }.unwrap();
    let backwards = u32::from(order == Order::Backwards);
    // SAFETY: the words are the kernel's arguments, and about what they say the caller has promised.
    let met = unsafe { entry(launch.arguments.as_ptr().cast(), launch.blocks(), launch.threads, backwards) };
    assert_eq!(met, 1, "{}: some threads of a block wait at a barrier that others do not come to", launch.kernel);
}
