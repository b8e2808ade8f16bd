"""Writes schedules.json, which tests/schedules.rs compares the schedules with.

    python crates/vr-optim/tests/pytorch/schedules.py

The rates are PyTorch's closed formulas, as its documentation states them (torch.optim.lr_scheduler, 2.x), evaluated
in f64: MultiStepLR, CosineAnnealingLR, PolynomialLR, LinearLR, and SequentialLR, which starts its second scheduler at
its milestone.
"""
import json
import math
import pathlib

BASE = 0.3


def constant(t):
    return BASE


def multi_step(t, milestones=(30, 60, 80), gamma=0.2):
    return BASE * gamma ** sum(milestone <= t for milestone in milestones)


def cosine(t, t_max=90, eta_min=0.003):
    return eta_min + (BASE - eta_min) * (1 + math.cos(math.pi * t / t_max)) / 2


def polynomial(t, total_iters=90, power=2.0):
    return BASE * (1 - min(t, total_iters) / total_iters) ** power


def warm_up(then, start_factor=0.1, total_iters=7):
    def rate(t):
        if t < total_iters:
            return then(0) * (start_factor + (1 - start_factor) * t / total_iters)
        return then(t - total_iters)

    return rate


def by_epoch(schedule, steps=4):
    return lambda t: schedule(t // steps)


STEPS = {"steps": {"base": BASE, "factor": 0.2, "drops": [30, 60, 80]}}
COSINE = {"cosine": {"base": BASE, "last": 0.003, "length": 90}}
POLYNOMIAL = {"polynomial": {"base": BASE, "last": 0.0, "length": 90, "power": 2.0}}
CASES = [({"constant": {"base": BASE}}, constant), (STEPS, multi_step), (COSINE, cosine), (POLYNOMIAL, polynomial)]
CASES += [({"warm-up": {"first": 0.1, "length": 7, "then": c}}, warm_up(f)) for c, f in CASES[:4]]
CASES += [({"by-epoch": {"steps-per-epoch": 4, "schedule": c}}, by_epoch(f)) for c, f in CASES[:8]]

# CosineAnnealingLR rises again after t_max, where ours stays.
cases = [{"schedule": schedule, "rates": [rate(t) for t in range(91)]} for schedule, rate in CASES]
path = pathlib.Path(__file__).with_name("schedules.json")
path.write_text(json.dumps({"cases": cases}) + "\n")
