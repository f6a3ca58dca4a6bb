"""GAN-SMOTE: stacked GANs against a plain loop: ``python benchmarks/gan_smote.py``.

The plain loop trains one GAN at a time and goes through its rows and bits in Python, as the
authors' code does. Prints milliseconds per epoch and the ratio for the forty GANs of a
cross-validation, then times against the number of GANs, rows and columns, and draws them to
``_build/benchmarks/gan_smote.png``. ``--device cuda`` for a GPU.
"""

import argparse
import random
import time
from pathlib import Path

import matplotlib
import numpy as np
import torch
from torch import nn

from helpers import GANSMOTE
from helpers.over_sampling import StackedGANs
from helpers.provenance import hardware, peak_mebibytes

matplotlib.use("agg")
from matplotlib import pyplot as plt

from helpers.plotting import COLOURS, STYLE


def table(n, d, seed=0):
    return np.random.default_rng(seed).integers(0, 2, (n, d)).astype(float)


def stack(n_gans, n, d, device) -> StackedGANs:
    X = np.concatenate([table(n, d, seed) for seed in range(n_gans)])
    sampler = GANSMOTE(random_state=0, device=device)
    return sampler.stack(X, np.repeat(np.arange(n_gans), n))


def per_epoch(gans, n_epochs, device):
    """Median milliseconds per epoch over blocks of 20."""

    def wait():
        if torch.device(device).type == "cuda":
            torch.cuda.synchronize()

    gans.run(20)
    wait()
    times = []
    for _ in range(n_epochs // 20):
        started = time.perf_counter()
        gans.run(20)
        wait()
        times.append((time.perf_counter() - started) / 20)
    return 1000 * float(np.median(times))


def plain_loop(X, n_epochs):
    """One GAN, one row and one bit at a time; milliseconds per epoch."""
    n, d = X.shape
    G = nn.Sequential(
        nn.Linear(16, 16), nn.LeakyReLU(0.2), nn.Linear(16, 32), nn.LeakyReLU(0.2),
        nn.Linear(32, d), nn.Sigmoid(),
    )  # fmt: skip
    D = nn.Sequential(
        nn.Linear(d + 1, 32), nn.LeakyReLU(0.2), nn.Dropout(0.3),
        nn.Linear(32, 16), nn.LeakyReLU(0.2), nn.Dropout(0.3),
        nn.Linear(16, 1), nn.Sigmoid(),
    )  # fmt: skip
    optimisers = [torch.optim.Adam(net.parameters(), lr=1e-4) for net in (G, D)]
    loss, scale = nn.MSELoss(), 50.0

    def with_column(rows):
        nonlocal scale
        sums = torch.stack([(rows - row).abs().sum() for row in rows])
        scale = max(scale, float(sums.max()))
        noise = torch.tensor([[random.uniform(0.7, 1.3)] for _ in rows])
        return torch.cat([rows, sums[:, None] / scale * noise], 1)

    def noisy(rows):
        rows = with_column(rows.clone())
        for i in range(n):
            for j in range(d):
                if random.random() < 0.3:
                    rows[i][j] = 1 - rows[i][j]
                blur = random.uniform(0, 0.02)
                rows[i][j] = blur if rows[i][j] == 0 else 1 - blur
        return rows

    real = torch.as_tensor(X, dtype=torch.float32)
    ones, zeros = torch.ones(n, 1), torch.zeros(n, 1)
    started = time.perf_counter()
    for _ in range(n_epochs):
        fake = with_column(G(torch.randn(n, 16))).detach()
        optimisers[1].zero_grad()
        (loss(D(noisy(real)), ones) + loss(D(fake), zeros)).backward()
        optimisers[1].step()
        optimisers[0].zero_grad()
        loss(D(with_column(G(torch.randn(n, 16)))), ones).backward()
        optimisers[0].step()
    return 1000 * (time.perf_counter() - started) / n_epochs


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    device = parser.parse_args().device
    threads = f"{torch.get_num_threads()} threads"
    print(f"{hardware(device)}, torch {torch.__version__}, {threads}\n")

    n, d, n_gans = 32, 58, 40  # the folds of the petrography chapter
    before = peak_mebibytes()
    ours = per_epoch(stack(n_gans, n, d, device), 200, device)
    more = peak_mebibytes() - before
    plain = plain_loop(table(n, d), 10) * n_gans
    print(f"{n_gans} GANs, {n} rows, {d} columns: {ours:.1f} ms an epoch in one stack,")
    print(
        f"{plain:.0f} ms one after the other in the plain loop: {plain / ours:.0f} times"
    )
    print(
        f"40,000 epochs: {ours * 40 / 60:.1f} minutes against {plain * 40 / 3600:.1f} hours"
    )
    print(f"memory: {more:.0f} MiB more than before\n")

    sweeps = {
        "GANs": [(k, n, d) for k in (1, 4, 10, 40, 100)],
        "rows": [(n_gans, rows, d) for rows in (8, 16, 32, 64, 128)],
        "columns": [(n_gans, n, columns) for columns in (8, 32, 58, 128, 256)],
    }
    plt.rcParams.update(STYLE)
    figure, axes = plt.subplots(1, 3, figsize=(10, 3), sharey=True)
    for ax, (name, shapes) in zip(axes, sweeps.items(), strict=True):
        position = list(sweeps).index(name)
        times = [per_epoch(stack(*shape, device), 60, device) for shape in shapes]
        for shape, milliseconds in zip(shapes, times, strict=True):
            print(f"{name:>8} {shape[position]:>5} {milliseconds:8.2f} ms an epoch")
        ax.plot([s[position] for s in shapes], times, "o-", color=COLOURS["blue"])
        ax.set(xlabel=name, xscale="log", yscale="log")
    axes[0].set_ylabel("ms an epoch")
    path = Path("_build/benchmarks/gan_smote.png")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    print(f"\n{path}")


if __name__ == "__main__":
    main()
