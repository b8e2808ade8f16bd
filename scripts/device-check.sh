#!/usr/bin/env bash
# Checks and times the GPU engine on a machine with a GPU, within five minutes. It has not yet run on one.
#
# Here, where Rust is:    scripts/device-check.sh build FOLDER      puts the programs into FOLDER
# There, where the GPU is: scripts/device-check.sh run FOLDER OUT   writes device.json, torch.json, runs and logs into OUT
# Here, without a GPU:    scripts/device-check.sh rehearse OUT      the same checks on the host in place of a GPU, at small sizes
#
# The machine there needs NVIDIA's driver and PyTorch with its CUDA libraries, and no Rust.
set -euo pipefail

build() {
    local folder=$1
    mkdir -p "$folder"
    cargo build --release -p vr-cuda --features cuda --example device_check
    cargo build --release -p xtask --no-default-features --features cuda
    local target=${CARGO_TARGET_DIR:-target}
    cp "$target/release/examples/device_check" "$target/release/xtask" "$folder/"
}

# Where PyTorch keeps NVIDIA's libraries.
libraries() {
    python3 - <<'PYTHON'
import glob, os, site
folders = [folder for base in site.getsitepackages() + [site.getusersitepackages()]
           for folder in glob.glob(os.path.join(base, "nvidia", "*", "lib"))]
print(":".join(folders))
PYTHON
}

run() {
    local programs=$1 out=$2
    mkdir -p "$out"
    LD_LIBRARY_PATH="$(libraries)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    export LD_LIBRARY_PATH
    local failed=0
    "$programs/device_check" cuda:0 >"$out/device.json" 2>"$out/device.log" || failed=1
    timeout 120 python3 "$(dirname "$0")/device_check_torch.py" >"$out/torch.json" 2>"$out/torch.log" || failed=1
    # Epochs and a variance pass, with everything that a run does.
    for model in lenet resnet110; do
        timeout 60 "$programs/xtask" bench epoch --model "$model" --device cuda:0 --rounds 1 --train-size 12800 --json \
            >"$out/epoch-$model.json" 2>"$out/epoch-$model.log" || failed=1
    done
    # A run twice, once cut off and resumed: the same results to the bit.
    timeout 60 "$programs/xtask" repro quick --device cuda:0 --out "$out/whole" >"$out/whole.log" 2>&1 || failed=1
    timeout --signal=INT 5 "$programs/xtask" repro quick --device cuda:0 --out "$out/resumed" >"$out/cut.log" 2>&1 || true
    timeout 60 "$programs/xtask" resume "$out/resumed" >"$out/resumed.log" 2>&1 || true
    cmp "$out/whole/result.json" "$out/resumed/result.json" >"$out/compare.log" 2>&1 || failed=1
    return "$failed"
}

rehearse() {
    local out=$1
    mkdir -p "$out"
    cargo run --release -p vr-cuda --example device_check -- host >"$out/device.json"
}

case "${1:-}" in
build | rehearse) "$1" "${2:?a folder}" ;;
run) run "${2:?the folder of the programs}" "${3:?a folder for the results}" ;;
*) sed -n '2,8p' "$0" >&2; exit 2 ;;
esac
