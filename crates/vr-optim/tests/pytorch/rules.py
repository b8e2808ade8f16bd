"""Writes rules.json, which tests/rules.rs compares the update rules with.

    pip install torch
    python crates/vr-optim/tests/pytorch/rules.py

Two tensors in f64; the second one learns at half the rate and does not decay. The rate drops on
the way. Gradients depend on the iterate and are stored beside it.
"""
import json
import pathlib

import torch

STEPS, DROP = 40, 25
START = [[0.5, -1.25, 2.0], [-0.75, 0.125, 3.0, -0.3125]]

RULES = [
    ({"sgd-momentum": {"momentum": 0.9, "weight-decay": 1e-2, "nesterov": False}}, 0.1),
    ({"sgd-momentum": {"momentum": 0.9, "weight-decay": 1e-2, "nesterov": True}}, 0.1),
    ({"adamw": {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight-decay": 1e-2}}, 0.05),
    ({"adamw": {"beta1": 0.5, "beta2": 0.8, "epsilon": 1e-1, "weight-decay": 0.5}}, 0.05),
]


def optimizer(rule, groups):
    ((name, options),) = rule.items()
    if name == "adamw":
        return torch.optim.AdamW(groups, betas=(options["beta1"], options["beta2"]), eps=options["epsilon"])
    return torch.optim.SGD(groups, momentum=options["momentum"], nesterov=options["nesterov"])


def trajectory(rule, rate):
    tensors = [torch.tensor(values, dtype=torch.float64, requires_grad=True) for values in START]
    (options,) = rule.values()
    decays, factors = [options["weight-decay"], 0.0], [1.0, 0.5]
    groups = [{"params": [t], "weight_decay": d, "lr": rate} for t, d in zip(tensors, decays)]
    rule_under_test = optimizer(rule, groups)
    rates, gradients, iterates = [], [], []
    for step in range(STEPS):
        rates.append(rate if step < DROP else rate / 10)
        for group, factor in zip(rule_under_test.param_groups, factors):
            group["lr"] = rates[-1] * factor
        rule_under_test.zero_grad()
        x = torch.cat(tensors)
        (torch.cos(3 * x + step) + 0.25 * x * x).sum().backward()
        gradients.append([g for t in tensors for g in t.grad.tolist()])
        rule_under_test.step()
        iterates.append([v for t in tensors for v in t.tolist()])
    return {"rule": rule, "rates": rates, "gradients": gradients, "iterates": iterates}


cases = [trajectory(rule, rate) for rule, rate in RULES]
fixture = {"torch": torch.__version__, "start": sum(START, []), "cases": cases}
path = pathlib.Path(__file__).with_name("rules.json")
path.write_text(json.dumps(fixture) + "\n")
