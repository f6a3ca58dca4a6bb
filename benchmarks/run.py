"""Side-by-side times, one command, a table of ratios: ``python benchmarks/run.py``.

Each line runs ours and its peer in turn, in this process, on this machine, and compares
medians. Never a test: a busy machine would fail it.
"""

import itertools
import statistics
import subprocess
import sys
import time

import numpy as np
import torch
from torch import nn

from helpers import GANOverSampler, load_bcw
from helpers.experiments.gan_tutorial import split
from helpers.provenance import hardware


def medians(*calls, repeats=7):
    """Median seconds of each call; they take turns, so that noise hits all alike."""
    times = [[] for _ in calls]
    for call in calls:
        call()  # imports and caches
    for _ in range(repeats):
        for call, column in zip(calls, times, strict=True):
            started = time.perf_counter()
            call()
            column.append(time.perf_counter() - started)
    return [statistics.median(column) for column in times]


def plain_gan(X, y):
    """The authors' loop, written as it stands: one net call per half batch, rows drawn one
    at a time, Adam without fusing."""
    rows = torch.as_tensor((X - X.min(0)) / np.ptp(X, 0)).float()[y == 1]

    def net(*sizes):
        layers = []
        for a, b in itertools.pairwise(sizes):
            layers += [nn.Linear(a, b), nn.SELU()]
        return nn.Sequential(*layers[:-1], nn.Sigmoid())

    G, D = net(100, 200, 300, 400, 500, 30), net(30, 500, 400, 300, 200, 1)
    G_optimiser = torch.optim.Adam(G.parameters(), lr=1e-4, foreach=False)
    D_optimiser = torch.optim.Adam(D.parameters(), lr=1e-4, foreach=False)
    loss = nn.BCELoss()
    for _ in range(10):
        for batch in torch.randperm(len(rows)).split(32):
            real = torch.stack([rows[i] for i in batch])
            ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
            D_optimiser.zero_grad()
            fake = G(torch.randn(len(real), 100)).detach()
            (loss(D(real), ones) + loss(D(fake), zeros)).backward()
            D_optimiser.step()
            G_optimiser.zero_grad()
            loss(D(G(torch.randn(len(real), 100))), ones).backward()
            G_optimiser.step()
    return [G(torch.randn(1, 100)) for _ in range(int((y == 0).sum() - (y == 1).sum()))]


def main():
    bcw = load_bcw()
    rows = split(bcw.target, 42)[0]
    X, y = bcw.data[rows], bcw.target[rows]
    sampler = GANOverSampler(device="cpu", random_state=0)
    ours, plain = medians(lambda: sampler.fit_resample(X, y), lambda: plain_gan(X, y))
    command = [sys.executable, "-m", "helpers", "--help"]
    bare = [sys.executable, "-c", "pass"]
    helped, python = medians(
        *(lambda c=c: subprocess.run(c, capture_output=True) for c in (command, bare))
    )
    print(
        f"{hardware()}, torch {torch.__version__}, {torch.get_num_threads()} threads\n"
    )
    print(f"{'what':<44}{'ours':>8}{'peer':>8}{'ratio':>7}  peer")
    for what, a, b, peer in [
        ("tutorial's GAN, 10 epochs on BCW (paper: 5 s)", ours, plain, "plain loop"),
        ("python -m helpers --help", helped, python, "python -c pass"),
    ]:
        print(f"{what:<44} {a:6.3f}s {b:6.3f}s {b / a:6.2f}  {peer}")


if __name__ == "__main__":
    main()
