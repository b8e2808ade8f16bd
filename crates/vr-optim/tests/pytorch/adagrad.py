"""Writes adagrad.json, which tests/rules.rs compares AdaGrad with: the equations of Duchi, Hazan & Singer (JMLR 2011) as PyTorch has
them, and those of AdaSVRG's inner loop (Dubois-Taine et al., 2021), whose sum over the squared norms begins anew with the loop.

    python crates/vr-optim/tests/pytorch/adagrad.py

The problem is that of rules.py: two tensors, the second of which learns at half the rate and does not decay.
"""
import json
import math
import pathlib

STEPS, DROP = 40, 25
START = [0.5, -1.25, 2.0, -0.75, 0.125, 3.0, -0.3125]
DECAYS, FACTORS = [1.0] * 3 + [0.0] * 4, [1.0] * 3 + [0.5] * 4

RULES = [
    ({"adagrad": {}}, 0.5),
    ({"adagrad": {"restart": 9, "epsilon": 0.01, "weight-decay": 0.1}}, 0.2),
    ({"adagrad": {"per": "network", "restart": 12}}, 0.5),
]


def trajectory(rule, rate):
    (options,) = rule.values()
    whole, restart = options.get("per") == "network", options.get("restart", STEPS)
    epsilon, decay = options.get("epsilon", 1e-10), options.get("weight-decay", 0.0)
    x = list(START)
    rates, gradients, iterates = [], [], []
    for step in range(STEPS):
        if step % restart == 0:
            sums = [0.0] * len(START)
        rates.append(rate if step < DROP else rate / 10)
        gradients.append([-3 * math.sin(3 * v + step) + 0.5 * v for v in x])
        g = [v + decay * d * w for v, d, w in zip(gradients[-1], DECAYS, x)]
        squares = [sum(v * v for v in g)] * len(g) if whole else [v * v for v in g]
        sums = [s + q for s, q in zip(sums, squares)]
        x = [w - rates[-1] * f * v / (math.sqrt(s) + epsilon) for w, f, v, s in zip(x, FACTORS, g, sums)]
        iterates.append(list(x))
    return {"rule": rule, "rates": rates, "gradients": gradients, "iterates": iterates}


fixture = {"start": START, "cases": [trajectory(rule, rate) for rule, rate in RULES]}
path = pathlib.Path(__file__).with_name("adagrad.json")
path.write_text(json.dumps(fixture) + "\n")
