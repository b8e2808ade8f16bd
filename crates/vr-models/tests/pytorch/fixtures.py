"""Writes the fixtures that tests/pytorch.rs compares the engines with.

    pip install torch numpy
    python crates/vr-models/tests/pytorch/fixtures.py

The networks are written anew on torch.nn from the table of models, with no line shared with the
Rust graph. Weights and pictures come from one counter formula, written here and in pytorch.rs.
"""
import json
import math
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
PICTURES, PROJECTIONS = 1_000_000, 2_000_000


def uniform(tensor, count):
    """U[-1, 1) of element 0..count of a tensor: murmur3's finaliser over a counter."""
    h = (np.arange(count, dtype=np.uint64) + tensor * 0x9E3779B9) & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h ^= h >> np.uint64(shift)
        h = (h * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    h ^= h >> np.uint64(16)
    return h.astype(np.float64) / 2.0**31 - 1.0


class LeNet(nn.Module):
    def __init__(self, activation=nn.ReLU):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 6, 5), nn.BatchNorm2d(6), activation(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.BatchNorm2d(16), activation(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(400, 120), nn.BatchNorm1d(120), activation(),
            nn.Linear(120, 84), nn.BatchNorm1d(84), activation(), nn.Linear(84, 10))

    def forward(self, x):
        return self.body(x)


class PreActivation(nn.Module):
    def __init__(self, inside, outside, stride, activation):
        super().__init__()
        self.activation = activation
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.shortcut = None
        if stride != 1 or inside != outside:
            self.shortcut = nn.Conv2d(inside, outside, 1, stride, bias=False)

    def forward(self, x):
        a = self.activation(self.bn1(x))
        y = self.conv2(self.activation(self.bn2(self.conv1(a))))
        return y + (x if self.shortcut is None else self.shortcut(a))


class ResNet(nn.Module):
    def __init__(self, blocks, widths, activation=F.relu):
        super().__init__()
        self.activation = activation
        self.conv1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        layers, inside = [], widths[0]
        for stage, width in enumerate(widths):
            for block in range(blocks):
                layers.append(PreActivation(inside, width, 2 if stage and not block else 1, activation))
                inside = width
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(inside, 10)

    def forward(self, x):
        x = self.layers(self.activation(self.bn1(self.conv1(x))))
        return self.fc(F.avg_pool2d(x, 8).flatten(1))


class Bottleneck(nn.Module):
    def __init__(self, inside, growth):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv1 = nn.Conv2d(inside, 4 * growth, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, 1, 1, bias=False)

    def forward(self, x):
        y = self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(x))))))
        return torch.cat([x, y], 1)


class DenseNet(nn.Module):
    def __init__(self, layers=6, growth=36):
        super().__init__()
        channels = 2 * growth
        parts = [nn.Conv2d(3, channels, 3, 1, 1, bias=False)]
        for block in range(3):
            for _ in range(layers):
                parts.append(Bottleneck(channels, growth))
                channels += growth
            parts += [nn.BatchNorm2d(channels), nn.ReLU()]
            if block < 2:
                parts += [nn.Conv2d(channels, channels // 2, 1, bias=False), nn.AvgPool2d(2)]
                channels //= 2
        self.body = nn.Sequential(*parts)
        self.fc = nn.Linear(channels, 10)

    def forward(self, x):
        return self.fc(F.avg_pool2d(self.body(x), 8).flatten(1))


def fill(model):
    """Every tensor by the counter formula, rounded to f32, in the order of the modules."""
    tensor = 0
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            values = uniform(tensor, parameter.numel())
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                values = 0.1 * values + (1.0 if parameter is module.weight else 0.0)
            else:
                values = values / math.sqrt(module.weight[0].numel())
            values = values.astype(np.float32).reshape(parameter.shape)
            with torch.no_grad():
                parameter.copy_(torch.from_numpy(values).to(parameter.dtype))
            tensor += 1


def run(make, batch, dtype, picture=(3, 32, 32)):
    model = make().to(dtype)
    fill(model)
    model.train()
    x = uniform(PICTURES, batch * math.prod(picture)).astype(np.float32).reshape(batch, *picture)
    labels = torch.tensor([7 * i % 10 for i in range(batch)])
    norms = [m for m in model.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]
    for norm in norms:
        norm.momentum = 1.0  # the running statistics are then this batch's own
    logits = model(torch.from_numpy(x).to(dtype))
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    return {
        "loss": loss.item(),
        "correct": int((logits.argmax(1) == labels).sum()),
        "gradients": [p.grad.double().numpy().ravel() for p in model.parameters()],
        "mean": np.concatenate([n.running_mean.double().numpy() for n in norms]),
        "variance": np.concatenate([n.running_var.double().numpy() for n in norms]),
    }


def project(vector):
    return [float(vector @ uniform(PROJECTIONS + k, vector.size)) for k in range(4)]


def fixture(make, batch, picture=(3, 32, 32)):
    exact, single = (run(make, batch, dtype, picture) for dtype in (torch.float64, torch.float32))
    gradient, rounded = np.concatenate(exact["gradients"]), np.concatenate(single["gradients"])
    return {
        "torch": torch.__version__,
        "batch": batch,
        "loss": exact["loss"],
        "correct": exact["correct"],
        "norms": [float(np.linalg.norm(g)) for g in exact["gradients"]],
        "projections": project(gradient),
        "mean": project(exact["mean"]),
        "variance": project(exact["variance"]),
        "f32_error": float(np.linalg.norm(rounded - gradient) / np.linalg.norm(gradient)),
    }


MODELS = {
    "lenet": LeNet,
    "lenet-elu": lambda: LeNet(nn.ELU),
    "resnet-small": lambda: ResNet(3, [8, 16, 32]),
    "resnet-small-elu": lambda: ResNet(3, [8, 16, 32], F.elu),
    "resnet110": lambda: ResNet(18, [16, 32, 64]),
    "densenet-40-36": DenseNet,
}


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    batches = {"lenet": 80, "lenet-elu": 80, "resnet-small": 7, "resnet-small-elu": 7, "resnet110": 4, "densenet-40-36": 4}
    for name, batch in batches.items():
        (here / f"{name}.json").write_text(json.dumps(fixture(MODELS[name], batch), indent=1) + "\n")
