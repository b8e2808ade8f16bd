"""Writes lion.json, which tests/rules.rs compares Lion with: the equations of Chen et al. (NeurIPS 2023), Algorithm 2, as
they stand, since PyTorch has no Lion.

    python crates/vr-optim/tests/pytorch/lion.py

The problem is that of rules.py: two tensors, the second of which learns at half the rate and does not decay.
"""
import json
import math
import pathlib

STEPS, DROP = 40, 25
START = [0.5, -1.25, 2.0, -0.75, 0.125, 3.0, -0.3125]
DECAYS, FACTORS = [1.0] * 3 + [0.0] * 4, [1.0] * 3 + [0.5] * 4

RULES = [
    ({"lion": {"beta1": 0.9, "beta2": 0.99, "weight-decay": 0.0}}, 0.05),
    ({"lion": {"beta1": 0.5, "beta2": 0.8, "weight-decay": 0.5}}, 0.05),
]


def sign(x):
    return (x > 0) - (x < 0)


def trajectory(rule, rate):
    (options,) = rule.values()
    x, momentum = list(START), [0.0] * len(START)
    rates, gradients, iterates = [], [], []
    for step in range(STEPS):
        rates.append(rate if step < DROP else rate / 10)
        gradients.append([-3 * math.sin(3 * v + step) + 0.5 * v for v in x])
        for i, gradient in enumerate(gradients[-1]):
            lr = rates[-1] * FACTORS[i]
            update = sign(options["beta1"] * momentum[i] + (1 - options["beta1"]) * gradient)
            x[i] -= lr * (update + options["weight-decay"] * DECAYS[i] * x[i])
            momentum[i] = options["beta2"] * momentum[i] + (1 - options["beta2"]) * gradient
        iterates.append(list(x))
    return {"rule": rule, "rates": rates, "gradients": gradients, "iterates": iterates}


fixture = {"start": START, "cases": [trajectory(rule, rate) for rule, rate in RULES]}
path = pathlib.Path(__file__).with_name("lion.json")
path.write_text(json.dumps(fixture) + "\n")
