"""DeepSMOTE's training step against a plain loop: ``python benchmarks/deep_smote.py``.

The plain loop has the structure of the authors' code: two encoder and two decoder passes,
the codes of the second through numpy, two Adams, float32, default memory layout, a
DataLoader. Both train on 9,000 random images of 28x28 in batches of 100, the paper's counts
per class, in turn. Prints milliseconds per step and the ratio. ``--device cuda`` for a GPU,
with ``--whole`` the 200 epochs of the authors' code, timed as one call of ``fit_resample``.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from helpers import DeepSMOTE, deepsmote_counts
from helpers.devices import resolve_precision
from helpers.networks import conv_decoder, conv_encoder
from helpers.provenance import hardware

BATCH, SHAPE = 100, (1, 28, 28)


def images(seed=0):
    counts = deepsmote_counts("mnist").train
    y = np.repeat(np.arange(len(counts)), counts)
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (len(y), *SHAPE), dtype=np.uint8), y


def ours(X, y, n_steps, device, penalty):
    # The smallest class needs one image more, so that next to nothing is generated.
    strategy = {9: int((y == 9).sum()) + 1}
    sampler = DeepSMOTE(
        penalty=penalty,
        n_steps=n_steps,
        sampling_strategy=strategy,
        device=device,
        random_state=0,
    )
    sampler.fit_resample(X, y)


def plain_loop(X, y, n_steps, device, penalty):
    encoder, decoder = (
        build(SHAPE, 300).to(device).train() for build in (conv_encoder, conv_decoder)
    )
    optimisers = [
        torch.optim.Adam(net.parameters(), lr=2e-4) for net in (encoder, decoder)
    ]
    loss, rng, done = nn.MSELoss(), np.random.default_rng(0), 0
    pixels = X.astype(np.float32) / 127.5 - 1
    rows = TensorDataset(torch.as_tensor(pixels), torch.as_tensor(y))
    while done < n_steps:
        for x, _ in DataLoader(rows, BATCH, shuffle=True):
            x = x.to(device)
            for optimiser in optimisers:
                optimiser.zero_grad()
            total = loss(decoder(encoder(x)), x)
            if penalty != "none":  # the authors always have theirs
                members = np.flatnonzero(y == rng.integers(10))
                chosen = rng.choice(members, min(BATCH, len(members)), replace=False)
                same = torch.as_tensor(pixels[chosen]).to(device)
                codes = encoder(same).detach().cpu().numpy()
                order = np.r_[1 : len(codes), 0]
                codes = torch.as_tensor(codes[order]).to(device)
                total = total + loss(decoder(codes), same[order])
            total.backward()
            for optimiser in optimisers:
                optimiser.step()
            total.item()  # the authors add it up for their log
            done += 1
            if done == n_steps:
                break


def seconds(train, *args):
    started = time.perf_counter()
    train(*args)
    return time.perf_counter() - started


def per_step(train, few, many, *args):
    """Milliseconds of a step, without what a call costs once."""
    X, y, *rest = args
    longer, shorter = (seconds(train, X, y, n, *rest) for n in (many, few))
    return 1000 * (longer - shorter) / (many - few)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, help="of each run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--whole", action="store_true")
    options = parser.parse_args()
    device = options.device
    precision = resolve_precision("auto", torch.device(device), images=True)
    threads = f"{torch.get_num_threads()} threads"
    print(f"{hardware(device)}, torch {torch.__version__}, {threads}, {precision}\n")
    X, y = images()
    many = options.steps or (6 if device == "cpu" else 600)
    print(f"{'penalty':<14}{'ours':>10}{'plain':>10}  ms per step{'ratio':>8}")
    for penalty in ("authors_code", "paper", "none"):
        times = {ours: [], plain_loop: []}
        for train in times:
            train(X, y, 1, device, penalty)  # libraries and caches
        for _ in range(options.repeats):  # in turn, so that noise hits both alike
            for train, column in times.items():
                column.append(per_step(train, 1, many, X, y, device, penalty))
        a, b = (statistics.median(column) for column in times.values())
        print(f"{penalty:<14}{a:>10.0f}{b:>10.0f}{b / a:>21.2f}", flush=True)
    if options.whole:
        sampler = DeepSMOTE.preset("authors_code", device=device, random_state=0)
        taken = seconds(sampler.fit_resample, X, y)
        print(f"\n9,000 images, 200 epochs, balanced: {taken:.1f} s")


if __name__ == "__main__":
    main()
