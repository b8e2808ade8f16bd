"""Times PyTorch's gradient of the networks that device_check times: forward and backward of one minibatch on one GPU.

Each in full f32 and with TF32, in both memory formats, eagerly and compiled with CUDA graphs. Prints JSON. ResNet-50 needs torchvision,
and is left out where there is none. See device-check.sh; it has not yet run on a GPU.
"""
import json
import pathlib
import statistics
import sys
import time

import torch
from torch.nn import functional as F

sys.path.append(str(pathlib.Path(__file__).parent.parent / "crates/vr-models/tests/pytorch"))
from fixtures import MODELS

RUNS = 50
NETWORKS = [("lenet", 128, 32, 10), ("resnet-small", 128, 32, 10), ("resnet110", 128, 32, 10),
            ("densenet-40-36", 128, 32, 10), ("resnet50", 64, 224, 1000)]


def maker(name):
    if name in MODELS:
        return MODELS[name]
    from torchvision.models import resnet50
    return resnet50


def milliseconds(step):
    """The median of five rounds after one to warm up, for one step."""
    rounds = []
    for _ in range(6):
        torch.cuda.synchronize()
        started = time.perf_counter()
        for _ in range(RUNS):
            step()
        torch.cuda.synchronize()
        rounds.append((time.perf_counter() - started) / RUNS * 1e3)
    return statistics.median(rounds[1:])


def stepper(make, batch, side, classes, channels_last, compiled):
    model = make().cuda().train()
    pictures = torch.randn(batch, 3, side, side, device="cuda")
    labels = torch.arange(batch, device="cuda") % classes
    if channels_last:
        model, pictures = (value.to(memory_format=torch.channels_last) for value in (model, pictures))
    call = torch.compile(model, mode="reduce-overhead") if compiled else model

    def step():
        model.zero_grad(set_to_none=True)
        F.cross_entropy(call(pictures), labels).backward()

    for _ in range(3):
        step()
    return step


found = []
for tf32 in (False, True):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    for name, batch, side, classes in NETWORKS:
        for compiled in (False, True):
            for channels_last in (False, True):
                row = {"model": name, "batch": batch, "tf32": tf32, "compiled": compiled, "channels_last": channels_last}
                try:
                    row["milliseconds"] = milliseconds(
                        stepper(maker(name), batch, side, classes, channels_last, compiled))
                except Exception as error:  # One way that fails must not cost the others' numbers.
                    row["error"] = str(error)
                found.append(row)
                torch._dynamo.reset()
about = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "cudnn": torch.backends.cudnn.version()}
print(json.dumps({"about": about, "steps": found}, indent=1))
