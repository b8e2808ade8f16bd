"""Times one training step (forward and backward) in PyTorch and in this workspace, in turn, and tells their peak memory.

    pip install torch numpy
    cargo build --release -p xtask
    python crates/vr-models/tests/pytorch/step_time.py [--batch 128] [--rounds 3] [--isa avx2] [MODEL ...]

ImageNet's networks need torchvision, and a --picture that both can take in (3x64x64, 3x224x224).
PyTorch runs eager, channels-last and compiled on all cores. Each round measures every candidate
once, so that a busy machine slows all of them; the median over the rounds counts. The last column
is the best of PyTorch's three over ours. Memory is the largest resident set of a process that takes
three steps; PyTorch's is less what the process held before there was a model. --isa holds both to an
instruction set.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

# Each instruction set's name in ATen, oneDNN and MKL, and inductor's vectors in bits.
ISAS = {
    "avx512": ("avx512", "AVX512_CORE", "AVX512", 512),
    "avx2": ("avx2", "AVX2", "AVX2", 256),
    "scalar": ("default", "SSE41", "SSE4_2", 1),
}
parser = argparse.ArgumentParser()
parser.add_argument("models", nargs="*", metavar="MODEL")
parser.add_argument("--batch", type=int, default=128)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--picture", default="3x32x32", help="channels, rows and columns")
parser.add_argument("--xtask", default="target/release/xtask")
parser.add_argument("--memory-of", metavar="KIND", help="take three steps of one model and print their memory in MiB")
parser.add_argument("--isa", choices=ISAS, help="instruction set of both; by default what each finds")
options = parser.parse_args()
if options.isa:
    # Read by ATen, oneDNN and MKL when they are loaded, and by xtask.
    aten, onednn, mkl = ISAS[options.isa][:3]
    os.environ.update(ATEN_CPU_CAPABILITY=aten, ONEDNN_MAX_CPU_ISA=onednn, MKL_ENABLE_INSTRUCTIONS=mkl,
                      VR_ISA=options.isa)

import torch
import torch._inductor.config
from torch.nn import functional as F

from fixtures import MODELS

torch.set_num_threads(os.cpu_count())
if options.isa:
    torch._inductor.config.cpp.simdlen = ISAS[options.isa][3]


def maker(name):
    if name in MODELS:
        return MODELS[name]
    from imagenet import NETWORKS
    return NETWORKS[name][0]


def candidate(make, kind):
    model = make().train()
    pictures = torch.randn(options.batch, *map(int, options.picture.split("x")))
    labels = torch.arange(options.batch) % 10
    if kind == "channels_last":
        model, pictures = model.to(memory_format=torch.channels_last), pictures.to(memory_format=torch.channels_last)
    call = torch.compile(model) if kind == "compiled" else model

    def step():
        model.zero_grad(set_to_none=True)
        F.cross_entropy(call(pictures), labels).backward()

    for _ in range(3):
        step()
    return step


def milliseconds(step):
    """Median of the steps of about two seconds, at least three."""
    times = []
    while len(times) < 3 or sum(times) < 2.0:
        started = time.perf_counter()
        step()
        times.append(time.perf_counter() - started)
    return 1e3 * statistics.median(times)


def ours(name):
    model = f"{name}:picture={options.picture}"
    command = [options.xtask, "bench", "step", "--model", model, "--batch", str(options.batch), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def mebibytes():
    """Largest resident set so far; getrusage would count the parent's before exec."""
    with open("/proc/self/status") as status:
        return next(float(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


def memory(name, kind):
    command = [sys.executable, __file__, name, "--batch", str(options.batch), "--picture", options.picture,
               "--memory-of", kind] + (["--isa", options.isa] if options.isa else [])
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if options.memory_of:
    before = mebibytes()
    candidate(maker(options.models[0]), options.memory_of)
    print(mebibytes() - before)
    sys.exit()

for name in options.models or MODELS:
    steps = {kind: candidate(maker(name), kind) for kind in ("eager", "channels_last", "compiled")}
    theirs, mine = {kind: [] for kind in steps}, []
    for _ in range(options.rounds):
        for kind, step in steps.items():
            theirs[kind].append(milliseconds(step))
        mine.append(ours(name))
    theirs = {kind: statistics.median(times) for kind, times in theirs.items()}
    own = statistics.median(run["median_ms"] for run in mine)
    share = statistics.median(run["gflops"] / run["fma_peak_gflops"] for run in mine)
    columns = "  ".join(f"{kind} {t:8.2f} ms" for kind, t in theirs.items())
    ratio = min(theirs.values()) / own
    print(f"{name:15} {columns}  ours {own:8.2f} ms ({mine[0]['isa']}, {100 * share:.0f} % of peak)  ratio {ratio:.2f}", flush=True)
    peaks = "  ".join(f"{kind} {memory(name, kind):8.0f} MiB" for kind in steps)
    peak = max(run["peak_memory_mib"] for run in mine)
    print(f"{'':15} {peaks}  ours {peak:8.0f} MiB", flush=True)
