"""Writes recursive.json, which tests/recursive.rs compares SARAH, STORM, ZeroSARAH and MARS with: the equations of their papers as they stand.

    python crates/vr-optim/tests/pytorch/recursive.py

Three minibatches in a fixed order, whose gradients are A_b (x - c_b) with diagonal A_b; two tensors, of shape 1x3 and 1. Steps are
x <- x - rate * v.
"""
import json
import math
import pathlib

STEPS, RATE = 12, 0.05
MINIBATCHES = [
    {"a": [1.0, 2.0, 0.5, 3.0], "c": [1.0, -1.0, 0.5, 0.25]},
    {"a": [0.25, 1.5, 4.0, 1.0], "c": [-2.0, 0.0, 1.0, -1.0]},
    {"a": [2.0, 0.75, 1.25, 0.5], "c": [0.5, 3.0, -1.5, 2.0]},
]
START = [2.0, -1.5, 0.75, 1.0]
M = len(MINIBATCHES)
# Positions of the tensor of two dimensions.
MATRIX = range(3)


def gradient(b, x):
    batch = MINIBATCHES[b % M]
    return [a * (v - c) for a, v, c in zip(batch["a"], x, batch["c"])]


def full(x):
    return [sum(gs) / M for gs in zip(*(gradient(b, x) for b in range(M)))]


def dot(x, y):
    return sum(a * b for a, b in zip(x, y))


def sarah(interval):
    def direction(t, x, before, v):
        since = t % interval
        if since == 0:
            return full(x)
        return [p + g - h for p, g, h in zip(v, gradient(since, x), gradient(since, before))]

    return direction


def storm(weight):
    squares = [0.0]

    def direction(t, x, before, v):
        g = gradient(t, x)
        if t == 0:
            a, d = 1.0, g
        else:
            a = weight(squares[0])
            d = [p + (1 - a) * (q - r) for p, q, r in zip(g, v, gradient(t, before))]
        squares[0] += dot(g, g)
        return d

    return direction


def zero_sarah(weight):
    rows = [[0.0] * len(START) for _ in range(M)]

    def direction(t, x, before, v):
        b = t % M
        g = gradient(t, x)
        if t == 0:
            d = list(g)
        else:
            mean = [sum(column) / M for column in zip(*rows)]
            table = [h - p + q for h, p, q in zip(gradient(t, before), rows[b], mean)]
            d = [p - h + (1 - weight) * q + weight * s for p, h, q, s in zip(g, gradient(t, before), v, table)]
        rows[b] = g
        return d

    return direction


def mars(gamma, beta, exact, clip):
    last = [None]

    def direction(t, x, before, v):
        g = gradient(t, x)
        h = (gradient(t, before) if exact else last[0]) if t > 0 else g
        last[0] = g
        c = list(g)
        for i in MATRIX:
            c[i] = g[i] + gamma * beta / (1 - beta) * (g[i] - h[i])
        norm = math.sqrt(sum(c[i] ** 2 for i in MATRIX))
        if clip and norm > 1:
            for i in MATRIX:
                c[i] /= norm
        return c

    return direction


def trajectory(estimator, direction):
    x, before, v = list(START), None, None
    iterates = []
    for t in range(STEPS):
        v = direction(t, x, before, v)
        before, x = x, [p - RATE * d for p, d in zip(x, v)]
        iterates.append(list(x))
    return {"estimator": estimator, "iterates": iterates}


def adaptive(c, k, w):
    return lambda squares: min(1.0, c * (k / (w + squares) ** (1 / 3)) ** 2)


MARS = {"gamma": 0.5, "beta": 0.8, "difference": "exact", "clip": True}
cases = [
    trajectory({"sarah": {}}, sarah(M)),
    trajectory({"sarah": {"interval": 5}}, sarah(5)),
    trajectory({"storm": {"weight": {"constant": 0.3}}}, storm(lambda _: 0.3)),
    trajectory({"storm": {"weight": {"adaptive": {"c": 2.0, "k": 0.8, "w": 0.1}}}}, storm(adaptive(2.0, 0.8, 0.1))),
    trajectory({"zero-sarah": {}}, zero_sarah(1 / (2 * M))),
    trajectory({"zero-sarah": {"lambda": 0.4}}, zero_sarah(0.4)),
    trajectory({"mars": MARS}, mars(0.5, 0.8, True, True)),
    trajectory({"mars": {**MARS, "clip": False}}, mars(0.5, 0.8, True, False)),
    trajectory({"mars": {**MARS, "difference": "approximate"}}, mars(0.5, 0.8, False, True)),
]
fixture = {"minibatches": MINIBATCHES, "start": START, "rate": RATE, "cases": cases}
path = pathlib.Path(__file__).with_name("recursive.json")
path.write_text(json.dumps(fixture) + "\n")
