"""Loads pictures by torchvision with Pillow and by this workspace, in turn, on one thread each.

    pip install torch torchvision pillow
    cargo build --release -p xtask
    python crates/vr-data/tests/pytorch/loading.py --data FOLDER [--picture-size 224] [--rounds 5]

FOLDER has train/CLASS/ and val/CLASS/ with pictures. Each picture is read, decoded, cut, resized, flipped, made a tensor,
normalised and put into a minibatch of 64. What counts is pictures a second of a core's time (user and system), which other
programs on a busy machine lengthen less than the clock's; the median over the rounds counts.
"""
import argparse
import json
import statistics
import subprocess
import time

import PIL
import torch
import torchvision
from torchvision import datasets, transforms

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--picture-size", type=int, default=224)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--seconds", type=float, default=5.0)
parser.add_argument("--xtask", default="target/release/xtask")
options = parser.parse_args()
torch.set_num_threads(1)

steps = transforms.Compose(
    [
        transforms.RandomResizedCrop(options.picture_size),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)
pictures = datasets.ImageFolder(f"{options.data}/train", steps)
loader = torch.utils.data.DataLoader(pictures, batch_size=64, shuffle=True, num_workers=0)


def theirs():
    started, cpu, loaded = time.time(), time.process_time(), 0
    while loaded == 0 or time.time() - started < options.seconds:
        loaded += sum(len(labels) for _, labels in loader)
    return loaded / (time.process_time() - cpu)


def ours():
    command = [options.xtask, "bench", "loading", "--threads", "1", "--json", "--data", options.data]
    command += ["--picture-size", str(options.picture_size), "--seconds", str(options.seconds)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


sum(len(labels) for _, labels in loader)
rounds = []
for _ in range(options.rounds):
    other, own = theirs(), ours()
    rounds.append((other, own["pictures_per_core_second"]))
    print(f"torchvision {rounds[-1][0]:7.1f}  ours {rounds[-1][1]:7.1f}  {rounds[-1][1] / rounds[-1][0]:.2f}", flush=True)
other, own = (statistics.median(column) for column in zip(*rounds))
ratios = [b / a for a, b in rounds]
print(f"{len(pictures)} pictures to {options.picture_size}×{options.picture_size}, pictures a second of a core's time:")
print(f"torchvision {torchvision.__version__} with Pillow {PIL.__version__}: {other:.0f}")
print(f"this workspace ({ours()['isa']}): {own:.0f}, {statistics.median(ratios):.2f} times as many "
      f"({min(ratios):.2f} to {max(ratios):.2f} over {len(ratios)} rounds)")
