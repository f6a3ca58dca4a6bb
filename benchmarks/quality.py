"""Measures of images against plain numpy: ``python benchmarks/quality.py``.

Plain numpy is what one would write down: all distances at once in float64, by the scalar
products, then sorted; covariances by ``np.cov`` and scipy's ``sqrtm``. Both get the same
10,000 real and 10,000 synthetic rows of 512 numbers, float32 and not negative, as a network's
features are; ours computes their distances in float32. Prints seconds, seconds of all CPU
cores, the ratios of both, and the largest relative difference of the values. Runs in turn;
plain numpy holds 3 GB at 10,000 rows.

``--cdist`` sets scipy's cdist in place of the scalar products, which is what distances
from differences cost: slow, try ``--rows 2000``. ``--device cuda`` for a GPU. On a busy
machine only the ratio of CPU seconds means something; set ``OMP_WAIT_POLICY=PASSIVE``.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist

from helpers import quality
from helpers.provenance import hardware

D = 512


def features(n, seed, width):
    """Rows like a network's: on a few directions more than on others, cut off at 0."""
    directions = (
        np.random.default_rng(0).normal(size=(D, D)) / np.arange(1, D + 1)[:, None]
    )
    rows = np.random.default_rng(seed).normal(size=(n, D)) @ directions * width
    return np.maximum(rows, 0).astype(np.float32)


def by_products(a, b):
    a, b = a.astype(float), b.astype(float)
    squared = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squared, 0))


def plain(distances):
    """Each measure in a few lines of numpy."""

    def radii(X, k):
        apart = distances(X, X)
        np.fill_diagonal(apart, 0)  # the scalar products leave some 1e-7
        return np.sort(apart, axis=1)[:, k]

    def frechet(real, fake):
        A, B = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
        apart = np.square(real.mean(0) - fake.mean(0)).sum()
        return apart + np.trace(A + B - 2 * sqrtm(A @ B).real)

    def precision_recall(real, fake):
        apart = distances(fake, real)
        precision = (apart <= radii(real, 3)).any(axis=1).mean()
        return precision, (apart <= radii(fake, 3)[:, None]).any(axis=0).mean()

    def density_coverage(real, fake):
        inside = distances(fake, real) <= radii(real, 5)
        return inside.sum() / (5 * len(fake)), inside.any(axis=0).mean()

    def nearest(real, fake):
        return distances(fake, real).min(axis=1)

    return frechet, precision_recall, density_coverage, nearest


def ours(device):
    return {
        "Frechet distance": quality.frechet_distance,
        "precision, recall": lambda *pair: [
            *quality.precision_recall(*pair, device=device).values()
        ],
        "density, coverage": lambda *pair: [
            *quality.density_coverage(*pair, device=device).values()
        ],
        "nearest distance": lambda *pair: quality.nearest_distance(*pair, device),
    }


def clocks(call, *args):
    """What a call returns, its seconds, and its seconds of all CPU cores."""
    started = time.perf_counter(), time.process_time()
    value = call(*args)
    return value, time.perf_counter() - started[0], time.process_time() - started[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--cdist", action="store_true")
    options = parser.parse_args()
    threads = f"{torch.get_num_threads()} threads"
    print(f"{hardware(options.device)}, torch {torch.__version__}, {threads}")
    peer = "scipy's cdist" if options.cdist else "plain numpy"
    print(f"{options.rows} x {D} real and as many synthetic rows, against {peer}\n")
    print(f"{'':<20}{'ours: s':>9}{'CPU':>7}{'plain: s':>10}{'CPU':>7}", end="")
    print(f"{'ratio':>7}{'of CPU':>8}{'differ by':>11}")
    real, fake = features(options.rows, 1, 1.0), features(options.rows, 2, 0.98)
    peers = plain(cdist if options.cdist else by_products)
    for (name, call), other in zip(ours(options.device).items(), peers, strict=True):
        call(real[:50], fake[:50])  # libraries and caches
        times = []
        for _ in range(options.repeats):
            (a, *own), (b, *theirs) = (clocks(f, real, fake) for f in (call, other))
            times.append((*own, *theirs))
        s, cpu, plain_s, plain_cpu = map(statistics.median, zip(*times, strict=True))
        differ = np.abs(np.asarray(a) / np.asarray(b) - 1).max()
        print(
            f"{name:<20}{s:>9.2f}{cpu:>7.2f}{plain_s:>10.2f}{plain_cpu:>7.2f}", end=""
        )
        ratios = f"{plain_s / s:>7.1f}{plain_cpu / cpu:>8.1f}"
        print(f"{ratios}{differ:>11.0e}", flush=True)


if __name__ == "__main__":
    main()
