#!/usr/bin/env bash
# Runs the tests of the kernels, where all unsafe code is, under AddressSanitizer: no access beside a buffer, none after its end. The sanitizer
# is an unstable option of the compiler, which RUSTC_BOOTSTRAP lets through; where the toolchain has none for this machine, the check
# is skipped and says so.
set -euo pipefail
cd "$(dirname "$0")/.."
skip() { echo "skipped: $1"; exit 0; }
ls "$(rustc --print target-libdir)"/librustc-*_rt.asan.a > /dev/null 2>&1 || skip "this toolchain has no AddressSanitizer"
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address ASAN_OPTIONS=detect_leaks=1

# A read beside a buffer must be found, or the tests below show nothing.
program=$(mktemp -d)
trap 'rm -r "$program"' EXIT
cat > "$program/beside.rs" <<'RUST'
fn main() {
    let numbers = vec![1.0f32; 16];
    let index = 16 + std::env::args().count() - 1;
    println!("{}", unsafe { *numbers.as_ptr().add(index) });
}
RUST
rustc $RUSTFLAGS -O "$program/beside.rs" -o "$program/beside"
if "$program/beside" > /dev/null 2> "$program/said"; then echo "a read beside a buffer went unnoticed"; exit 1; fi
grep -q "heap-buffer-overflow" "$program/said"

# The documentation's examples are safe code, and rustdoc would need the option besides.
cargo test --release --quiet -p vr-kernels --lib --tests --target "$host" --target-dir target/sanitizer
echo "no access beside a buffer in the kernels' tests, and none after its end"
