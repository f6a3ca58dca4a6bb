"""AMDO, MC-CCR and MC-RBO at the paper's size: ``python benchmarks/rivals.py``.

Fills the ten classes of DeepSMOTE's MNIST, 9,000 images of 28x28, up to 40,000, and prints
seconds, seconds of all CPU cores together and the peak memory of the process so far; then
MC-RBO against a plain loop, which takes its steps one sample at a time and computes every
distance anew, as its authors' code does. The plain loop runs on a few samples only.
``--scale 0.1`` for a tenth of the images, ``--only MC_RBO`` for one of them, ``--device
cuda`` for a GPU. On a busy machine only the ratio of CPU seconds means something, and it
needs ``OMP_WAIT_POLICY=PASSIVE``: threads that wait for one another count as busy.
"""

import argparse
import math
import statistics
import time

import numpy as np
import torch

from helpers import AMDO, MC_CCR, MC_RBO, deepsmote_counts
from helpers.provenance import hardware, peak_mebibytes

SIDE, N_STEPS, K = 28, 500, 25


def images(counts, seed=0):
    """Random images, some grey level apart from those of other classes."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(counts)), counts)
    X = rng.integers(0, 200, (len(y), SIDE, SIDE), dtype=np.uint8)
    return X + 5 * y[:, None, None].astype(np.uint8), y


def peak():
    """GiB this process has held at once since its start."""
    return peak_mebibytes() / 2**10


def clocks(call, *args):
    """Seconds, and seconds of all CPU cores, that a call takes."""
    started = time.perf_counter(), time.process_time()
    call(*args)
    return time.perf_counter() - started[0], time.process_time() - started[1]


def plain_walk(rows, signs, start, gamma, step_size, rng):
    """One new row: a scan for its neighbours, and a climb with all distances anew."""
    order = np.argsort(np.abs(rows - rows[start]).sum(1))[: K + 1]
    near = [(rows[i], signs[i]) for i in order]

    def potential(point):
        total = 0.0
        for row, sign in near:
            total += sign * math.exp(-((np.abs(point - row).sum() / gamma) ** 2))
        return abs(total)

    every = [(c, s) for c in range(rows.shape[1]) for s in (-step_size, step_size)]
    point, steps = rows[start].copy(), list(every)
    best = potential(point)
    for _ in range(N_STEPS):
        if not steps:
            break
        column, step = steps.pop(rng.integers(len(steps)))
        trial = point.copy()
        trial[column] += step
        value = potential(trial)
        if value < best and 0 <= trial[column] <= 1:
            point, best, steps = trial, value, list(every)
    return point


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the images")
    parser.add_argument("--samples", type=int, default=10, help="of the plain loop")
    parser.add_argument("--only", help="start of a name in the table")
    options = parser.parse_args()
    threads = f"{torch.get_num_threads()} threads"
    print(f"{hardware(options.device)}, torch {torch.__version__}, {threads}\n")

    counts = deepsmote_counts("mnist", options.scale).train
    X, y = images(counts)
    n_new = int((max(counts) - np.asarray(counts)).sum())
    print(f"{len(X)} images, {n_new} new ones; memory {peak():.2f} GiB")
    print(f"{'':<20}{'seconds':>9}{'CPU':>7}{'peak GiB':>10}")
    common = {"random_state": 0, "device": options.device}
    samplers = {
        "MC_CCR": MC_CCR(**common),
        "MC_CCR, translate": MC_CCR(cleaning="translate", **common),
        "AMDO": AMDO(**common),
        "MC_RBO": MC_RBO(n_steps=N_STEPS, k_neighbors=K, **common),
    }
    for name, sampler in samplers.items():
        if name.startswith(options.only or ""):
            ours = clocks(sampler.fit_resample, X, y)
            print(
                f"{name:<20}{ours[0]:>9.1f}{ours[1]:>7.1f}{peak():>10.2f}", flush=True
            )
    if not hasattr(sampler, "history_"):
        return

    # The second class against as many rows of the first, as in the first round.
    rng = np.random.default_rng(0)
    scaled = X.reshape(len(X), -1) / X.max()
    rows = np.concatenate([scaled[y == 1], scaled[y == 0]])
    n_own = int((y == 1).sum())
    signs = np.where(np.arange(len(rows)) < n_own, -1.0, 1.0)
    gamma, step_size = sampler.history_.loc[0, ["gamma", "step_size"]]
    times = [
        clocks(plain_walk, rows, signs, rng.integers(n_own), gamma, step_size, rng)
        for _ in range(options.samples)
    ]
    plain = [statistics.median(column) for column in zip(*times, strict=True)]
    print(f"\nMC-RBO, plain loop: {plain[0]:.3f} s a sample, {plain[1]:.3f} s of CPU")
    wall, cpu = (a * n_new / b for a, b in zip(plain, ours, strict=True))
    print(f"ratio: {wall:.0f}, of CPU seconds {cpu:.0f}")


if __name__ == "__main__":
    main()
