"""Writes self_tuning.json, which tests/self_tuning.rs compares self-tuning SVRG with: the law of docs/estimators.md as it stands there.

    python crates/vr-optim/tests/pytorch/self_tuning.py

Eight minibatches in a fixed order, whose gradients are A_b (x - c_b) with diagonal A_b; two tensors, of shape 1x3 and 1. Steps are
x <- x - rate * v, and from step RISE on the rate is FACTOR times as high, so that reducing the variance first pays and then does not.
"""
import json
import math
import pathlib

M, STEPS, RATE, RISE, FACTOR = 8, 96, 0.02, 48, 25
MINIBATCHES = [
    {
        "a": [1.0 + 0.1 * b, 2.0 - 0.2 * b, 0.5 + (b % 3), 0.2 + 2.0 * (b % 4)],
        "c": [math.cos(1.0 + b), math.sin(2.0 * b), 0.5 * (-1) ** b, 0.25 * b - 1.0],
    }
    for b in range(M)
]
START = [2.0, -1.5, 0.75, 1.0]
TENSORS = [range(0, 3), range(3, 4)]
WHOLE = [range(0, 4)]


def gradient(b, x):
    batch = MINIBATCHES[b]
    return [a * (v - c) for a, v, c in zip(batch["a"], x, batch["c"])]


def mean(vectors):
    return [sum(column) / len(vectors) for column in zip(*vectors)]


class Coefficient:
    """alpha of each group of coordinates, and what it is estimated from."""

    def __init__(self, groups, fixed=None, window=10, caution=1.0, most=1.5, at_snapshots=False):
        self.groups, self.fixed, self.window, self.caution = groups, fixed, window, caution
        self.most, self.at_snapshots = most, at_snapshots
        self.alpha = [1.0 if fixed is None else fixed for _ in groups]
        self.history = []
        self.reduced = self.plain = 0.0

    def estimates(self):
        """By weighted averages over the steps since the snapshot, the newest of weight w."""
        alphas = []
        for k in range(len(self.groups)):
            yy = dy = errors = spread = 0.0
            for seen, products in enumerate(self.history):
                w = 1 / (seen + 1) if self.at_snapshots else max(1 / self.window, 4 / (4 + seen))
                new_yy, new_dy = products[k]
                e = new_dy - (dy / yy if yy > 0 else 0.0) * new_yy
                errors = (1 - w) * errors + w * e * e
                yy = (1 - w) * yy + w * new_yy
                dy = (1 - w) * dy + w * new_dy
                spread = (1 - w) ** 2 * spread + w * w
            error = math.sqrt(spread * errors) / yy
            alphas.append(min(max(1 + dy / yy - self.caution * error, 0.0), self.most))
        return alphas

    def snapshot(self):
        if self.fixed is None:
            if not self.at_snapshots:
                self.alpha = [1.0 for _ in self.groups]
            elif self.history:
                self.alpha = self.estimates()
        self.history = []

    def direction(self, g, h, mu):
        v = list(g)
        for alpha, group in zip(self.alpha, self.groups):
            for i in group:
                v[i] = g[i] - alpha * (h[i] - mu[i])
        return v

    def learn(self, g, h, mu):
        v = self.direction(g, h, mu)
        self.reduced += sum((p - q) ** 2 for p, q in zip(v, mu))
        self.plain += sum((p - q) ** 2 for p, q in zip(g, mu))
        dot = lambda group, p, q: sum(p(i) * q(i) for i in group)
        y, d = (lambda i: h[i] - mu[i]), (lambda i: g[i] - h[i])
        self.history.append([(dot(group, y, y), dot(group, d, y)) for group in self.groups])
        if self.fixed is None and not self.at_snapshots:
            self.alpha = self.estimates()

    def ratio(self):
        ratio, self.reduced, self.plain = self.reduced / self.plain, 0.0, 0.0
        return ratio


def trajectory(estimator, coefficient, cost, size=M, share=None, trial=None):
    """Without trials, variance is reduced in every step."""
    x, iterates, phases = list(START), [], ""
    spent = paid = pause = waited = 0
    phase, pause = ("#", 1) if share is None else (".", 1)
    stride = math.ceil(M / trial) if trial else 1
    places = range(stride // 2, M, stride)
    for t in range(STEPS):
        b = t % M
        if b == 0:
            if t > 0 and share is not None:
                price = (cost - 1) * len(places)
                affords = paid + price <= share * (spent + price)
                pays = phase != "." and cost * coefficient.ratio() < 1
                if phase == ".":
                    waited += 1
                    phase = "?" if waited >= pause and affords else "."
                elif phase == "?":
                    phase = "#" if pays else "."
                    waited, pause = (waited, pause) if pays else (0, min(2 * pause, 16))
                elif not pays:
                    phase, waited, pause = ".", 0, 1
            phases += phase
            if phase == "?":
                coefficient.snapshot()
                tilde, mu = list(x), mean([gradient(c, x) for c in places])
                spent, paid = spent + len(places), paid + len(places)
        if phase == "#" and b % size == 0:
            coefficient.snapshot()
            covered = range(b, min(b + size, M))
            tilde, mu = list(x), mean([gradient(c, x) for c in covered])
            spent += len(covered)
        g = v = gradient(b, x)
        spent += 1
        if phase == "#" or phase == "?" and b in places:
            h = gradient(b, tilde)
            spent += cost - 2
            paid += cost - 2 if phase == "?" else 0
            if phase == "#":
                v = coefficient.direction(g, h, mu)
            coefficient.learn(g, h, mu)
        rate = RATE * (FACTOR if t >= RISE else 1)
        x = [p - rate * q for p, q in zip(x, v)]
        iterates.append(list(x))
    return {"estimator": {"self-tuning": estimator}, "phases": phases, "iterates": iterates}


def options(gradients, coefficient, share=None, **more):
    switch = "never" if share is None else {"by-cost": share}
    return {"gradients": gradients, "coefficient": coefficient, "switch": switch, **more}


TUNED = {"estimated": {}}
OTHER = {"window": 3, "caution": 0.5, "most": 0.9}
OFTEN = {"share": 1.0, "trial": 4}
SELDOM = {"share": 0.2, "trial": 4}
cases = [
    trajectory(options("stored", TUNED), Coefficient(TENSORS), 2),
    trajectory(options("recomputed", {"estimated": {"per": "network", **OTHER}}), Coefficient(WHOLE, **OTHER), 3),
    trajectory(
        options("stored", {"estimated": {"refresh": "snapshots"}}), Coefficient(TENSORS, at_snapshots=True), 2
    ),
    trajectory(options("stored", TUNED, **{"mega-batch": 3}), Coefficient(TENSORS), 2, size=3),
    trajectory(options("stored", {"fixed": 1.0}, OFTEN), Coefficient(WHOLE, fixed=1.0), 2, share=1.0, trial=4),
    trajectory(options("stored", TUNED, OFTEN), Coefficient(TENSORS), 2, share=1.0, trial=4),
    trajectory(options("recomputed", TUNED, SELDOM), Coefficient(TENSORS), 3, share=0.2, trial=4),
]
for case in cases:
    print(case["phases"], json.dumps(case["estimator"]))
fixture = {"minibatches": MINIBATCHES, "start": START, "rate": RATE, "rise": RISE, "factor": FACTOR, "cases": cases}
path = pathlib.Path(__file__).with_name("self_tuning.json")
path.write_text(json.dumps(fixture) + "\n")
