"""Writes the fixtures of torchvision's networks that tests/pytorch.rs compares the engines with.

    pip install torch torchvision numpy
    python crates/vr-models/tests/pytorch/imagenet.py

Pictures are small and of odd sides, so that strides and windows leave rows and columns over.
"""
import json
import pathlib

import torchvision
from torchvision import models

from fixtures import fixture


def digest(names):
    """FNV-1a of the tensors' names, a line each."""
    h = 0xCBF29CE484222325
    for byte in "".join(name + "\n" for name in names).encode():
        h = (h ^ byte) * 0x100000001B3 % 2**64
    return f"{h:016x}"


NETWORKS = {
    "resnet18": (models.resnet18, 4, [3, 45, 37]),
    "resnet50": (models.resnet50, 4, [3, 45, 37]),
    "resnext50-32x4d": (models.resnext50_32x4d, 4, [3, 45, 37]),
    "resnext101-32x8d": (models.resnext101_32x8d, 2, [3, 45, 37]),
    "densenet169": (models.densenet169, 3, [3, 72, 67]),
}


if __name__ == "__main__":
    for name, (make, batch, picture) in NETWORKS.items():
        names = [name for name, _ in make().named_parameters()]
        known = {"torchvision": torchvision.__version__, "picture": picture, "names": digest(names)}
        text = json.dumps(known | fixture(make, batch, picture), indent=1)
        (pathlib.Path(__file__).parent / f"{name}.json").write_text(text + "\n")
