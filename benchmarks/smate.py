"""SMate's GAN and its classifier against plain loops: ``python benchmarks/smate.py``.

The plain loops are the usual ones: float32, default memory layout, a DataLoader over
tensors. That of the GAN is of the same two networks, with one pass through the
discriminator for real images and one for generated ones, and a discriminator that gathers
gradients while the generator learns; ``--noise fresh`` generates anew for the generator, as
the authors do, where else it learns from the batch that the discriminator saw. That of the
classifier is Keras' network with torch's own layers in Keras' order. Both train on random
images of CIFAR's shape, in turn with ours; ours is the whole of ``fit``, set-up included.
Prints real images per second and ratios; ``--device cuda`` for a GPU, ``--steps`` for the
length of each run, ``--precision bfloat16`` for what a CPU with bfloat16 can gain.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from helpers import KerasCNNClassifier, SMate
from helpers.devices import resolve_precision
from helpers.networks import (
    ChannelsLast,
    Doubling,
    Dropout,
    brownlee_discriminator,
    brownlee_generator,
)
from helpers.provenance import hardware

N, LATENT = 2048, 100
BATCH = {"gan": 128, "cnn": 256}
STEPS = {"cpu": {"gan": 3, "cnn": 6}, "cuda": {"gan": 500, "cnn": 500}}


def images(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 256, (N, 3, 32, 32), dtype=np.uint8)
    return X, np.arange(N) % 10


def plainly(network):
    """The same layers, but torch's own, and in the default layout."""
    layers = []
    for m in network:
        if isinstance(m, Dropout):
            m = nn.Dropout(m.p)
        elif isinstance(m, Doubling):
            m = nn.ConvTranspose2d(m.in_channels, m.out_channels, 4, 2, 1)
        if not isinstance(m, ChannelsLast):
            layers.append(m)
    return nn.Sequential(*layers)


def endless(X, y, batch, device):
    x = torch.as_tensor(X).float() / 127.5 - 1
    rows = TensorDataset(x, torch.as_tensor(y))
    loader = DataLoader(rows, batch, shuffle=True, drop_last=True)
    while True:
        for x, target in loader:
            yield x.to(device), target.to(device)


# ------------------------------------------------------------------ the GAN


def our_gan(X, n_steps, device, precision):
    y = np.repeat([0, 1], [N - 256, 256])
    SMate(
        n_steps=n_steps,
        transfer=False,
        augment=1,
        sampling_strategy={1: 257},
        device=device,
        precision=precision,
        random_state=0,
    ).fit(X, y)


def plain_gan(X, n_steps, device, fresh):
    G = plainly(brownlee_generator((3, 32, 32))).to(device)
    D = plainly(brownlee_discriminator((3, 32, 32))).to(device)
    adam = {"lr": 2e-4, "betas": (0.5, 0.999)}
    G_optimiser = torch.optim.Adam(G.parameters(), **adam)
    D_optimiser = torch.optim.Adam(D.parameters(), **adam)
    loss, batches = nn.BCEWithLogitsLoss(), endless(X, np.zeros(N), 128, device)
    for _ in range(n_steps):
        real, _ = next(batches)
        ones = torch.ones(len(real), 1, device=device)
        zeros = torch.zeros_like(ones)
        fake = G(torch.randn(len(real), LATENT, device=device))
        D_optimiser.zero_grad()
        loss(D(real), ones).backward()
        loss(D(fake.detach()), zeros).backward()
        D_optimiser.step()
        if fresh:
            fake = G(torch.randn(len(real), LATENT, device=device))
        G_optimiser.zero_grad()
        value = loss(D(fake), ones)
        value.backward()
        G_optimiser.step()
    value.item()  # waits for the device


# ------------------------------------------------------------------ the classifier


def our_cnn(X, y, n_steps, device, precision):
    KerasCNNClassifier(
        n_steps=n_steps, device=device, precision=precision, random_state=0
    ).fit(X, y)


def plain_cnn(X, y, n_steps, device):
    layers = []
    for width_in, width in ((3, 32), (32, 64)):
        layers += [
            nn.Conv2d(width_in, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(0.25),
        ]
    end = [nn.Linear(2304, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 10)]
    network = nn.Sequential(*layers, nn.Flatten(), *end).to(device)
    optimiser = torch.optim.RMSprop(network.parameters(), lr=1e-4)
    loss, batches = nn.CrossEntropyLoss(), endless(X, y, 256, device)
    for _ in range(n_steps):
        x, target = next(batches)
        optimiser.zero_grad()
        value = loss(network(x), target)
        value.backward()
        optimiser.step()
    value.item()


# ------------------------------------------------------------------ the table


def images_per_second(call, n_steps, batch):
    started = time.perf_counter()
    call(n_steps)
    return n_steps * batch / (time.perf_counter() - started)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", choices=list(BATCH), help="default: both")
    parser.add_argument("--noise", choices=["same", "fresh"], default="same")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--steps", type=int, help="of each run")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    device, fresh = options.device, options.noise == "fresh"
    precision = options.precision
    found = resolve_precision(precision, torch.device(device), images=True)
    threads = f"{torch.get_num_threads()} threads"
    print(f"{hardware(device)}, torch {torch.__version__}, {threads}, {found}\n")
    print(f"{'':<6}{'ours':>10}{'plain':>10}  real images per second{'ratio':>9}")
    X, y = images()
    pairs = {
        "gan": (
            lambda n: our_gan(X, n, device, precision),
            lambda n: plain_gan(X, n, device, fresh),
        ),
        "cnn": (
            lambda n: our_cnn(X, y, n, device, precision),
            lambda n: plain_cnn(X, y, n, device),
        ),
    }
    for name in [options.only] if options.only else pairs:
        n_steps = (
            options.steps or STEPS.get(torch.device(device).type, STEPS["cpu"])[name]
        )
        speeds = {call: [] for call in pairs[name]}
        for call in speeds:
            call(1)  # libraries and caches
        for _ in range(options.repeats):  # in turn, so that noise hits both alike
            for call, column in speeds.items():
                column.append(images_per_second(call, n_steps, BATCH[name]))
        a, b = (statistics.median(column) for column in speeds.values())
        print(f"{name:<6}{a:>10.0f}{b:>10.0f}{a / b:>32.2f}", flush=True)


if __name__ == "__main__":
    main()
