"""ResNet-18 training against a plain loop: ``python benchmarks/resnet18.py``.

The plain loop is the usual one: torchvision's network, a DataLoader over float32 tensors,
default memory layout, SGD. Both train on random images of CIFAR's shape, 3 x 32 x 32, in
batches of 128, in turn; ours is the whole of ``fit``, set-up included. Prints images per
second and the ratio for both stems. ``--device cuda`` for a GPU; ``--steps`` for the length
of each run.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision.models import resnet18

from helpers import ResNet18Classifier
from helpers.devices import resolve_precision
from helpers.provenance import hardware

N, N_CLASSES, BATCH = 4096, 10, 128
STEPS = {"cpu": {"imagenet": 6, "cifar": 2}, "cuda": {"imagenet": 1500, "cifar": 600}}


def images(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 256, (N, 3, 32, 32), dtype=np.uint8)
    return X, np.arange(N) % N_CLASSES


def ours(X, y, stem, n_steps, device):
    ResNet18Classifier(
        stem=stem, n_steps=n_steps, batch_size=BATCH, device=device, random_state=0
    ).fit(X, y)


def plain_loop(X, y, stem, n_steps, device):
    network = resnet18(num_classes=N_CLASSES)
    if stem == "cifar":
        network.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        network.maxpool = nn.Identity()
    network.to(device).train()
    optimiser = torch.optim.SGD(
        network.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    x = (torch.as_tensor(X).float() / 255 - 0.5) / 0.25
    rows = TensorDataset(x, torch.as_tensor(y))
    loader = DataLoader(rows, BATCH, shuffle=True, drop_last=True)
    loss, done = nn.CrossEntropyLoss(), 0
    while done < n_steps:
        for x, target in loader:
            optimiser.zero_grad()
            value = loss(network(x.to(device)), target.to(device))
            value.backward()
            optimiser.step()
            done += 1
            if done == n_steps:
                break
    value.item()  # waits for the device


def images_per_second(train, *args, n_steps):
    started = time.perf_counter()
    train(*args[:3], n_steps, *args[3:])
    return n_steps * BATCH / (time.perf_counter() - started)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--stem", choices=["imagenet", "cifar"], help="default: both")
    parser.add_argument("--steps", type=int, help="of each run")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    device = options.device
    precision = resolve_precision("auto", torch.device(device), images=True)
    threads = f"{torch.get_num_threads()} threads"
    print(f"{hardware(device)}, torch {torch.__version__}, {threads}, {precision}\n")
    print(f"{'stem':<10}{'ours':>10}{'plain':>10}  images per second{'ratio':>9}")
    X, y = images()
    for stem in [options.stem] if options.stem else ["imagenet", "cifar"]:
        n_steps = (
            options.steps or STEPS.get(torch.device(device).type, STEPS["cpu"])[stem]
        )
        speeds = {ours: [], plain_loop: []}
        for train in speeds:
            train(X, y, stem, 1, device)  # libraries and caches
        for _ in range(options.repeats):  # in turn, so that noise hits both alike
            for train, column in speeds.items():
                column.append(
                    images_per_second(train, X, y, stem, device, n_steps=n_steps)
                )
        a, b = (statistics.median(column) for column in speeds.values())
        print(f"{stem:<10}{a:>10.0f}{b:>10.0f}{a / b:>28.2f}", flush=True)


if __name__ == "__main__":
    main()
