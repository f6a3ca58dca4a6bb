"""BAGAN's and GAMO's training steps against plain loops: ``python benchmarks/gans.py``.

The plain loops train the same networks on batches of the same sizes, in float32 and in
torch's default memory layout, in the manner of the authors' programs: the generator runs
anew for each player, and nothing is frozen. BAGAN's draws its codes one at a time with
numpy, which decomposes a covariance for each; the line "torch draws" shows what is left
with a torch distribution per class. GAMO's loops over the classes, shows real and new rows
one after the other, and gives the generator two updates. Both sides have their rows, for
the game their features, in memory.

Prints milliseconds of one update and the ratio, for 900 random images of 28x28 in ten
classes (400 down to 4) or, with ``--shape 3 32 32``, of CIFAR's shape. ``--device cuda``
for a GPU, ``--width`` and ``--steps`` for other sizes and lengths.
"""

import argparse
import statistics
import time
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from helpers import BAGAN, GAMO, devices, training
from helpers.provenance import hardware

COUNTS = 400, 200, 100, 75, 50, 35, 20, 10, 6, 4
BETAS = 0.5, 0.999


def images(shape, seed=0):
    y = np.repeat(np.arange(len(COUNTS)), COUNTS)
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (len(y), *shape), dtype=np.uint8), y


# ------------------------------------------------------------------ ours


def steps_of(sampler, X, y):
    """Fit for one update, and return the steps of all phases to call them on."""
    steps, train = {}, training.train

    def keep(step, n_steps, *, stage, **options):
        steps[stage] = step
        return train(step, n_steps, stage=stage, **options)

    with mock.patch.object(training, "train", keep):
        sampler.fit(X, y)
    for network in sampler.networks_.values():
        network.train()
    return steps


# ------------------------------------------------------------------ plain loops


def adam(*players, lr):
    weights = [p for player in players for p in player.parameters()]
    return torch.optim.Adam(weights, lr=lr, betas=BETAS)


def built(sampler, *names):
    """The sampler's networks, from torch's own constructors in the default layout."""
    return [
        sampler._build(name)
        .to(devices.resolve_device(sampler.device))
        .to(memory_format=torch.contiguous_format)
        for name in names
    ]


def update(optimiser, loss):
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def plain_autoencoder(sampler, rows, codes):
    encoder, decoder = built(
        sampler, "encoder", "decoder" if isinstance(sampler, GAMO) else "generator"
    )
    players, M = [encoder, decoder], None
    if isinstance(sampler, GAMO):
        (M,) = built(sampler, "classifier")
        players.append(M)
    optimiser = adam(*players, lr=sampler.lr)

    def step():
        drawn = torch.randperm(len(rows), device=rows.device)[: sampler.batch_size]
        x = rows[drawn]
        latent = encoder(x)
        loss = F.mse_loss(decoder(latent), x)
        if M is not None:
            asked = F.one_hot(codes[drawn], len(COUNTS)).float()
            loss = loss + F.mse_loss(M(latent).softmax(1), asked)
        update(optimiser, loss)

    return step


def plain_bagan(sampler, rows, codes, numpy_draws):
    G, D = built(sampler, "generator", "discriminator")
    G_optimiser, D_optimiser = adam(G, lr=sampler.lr), adam(D, lr=sampler.lr)
    n_classes, device = len(COUNTS), rows.device
    means, factors = (
        t.double().cpu().numpy() for t in (sampler._means, sampler._factors)
    )
    covariances = factors @ factors.swapaxes(1, 2)
    gaussians = [
        torch.distributions.MultivariateNormal(*map(torch.as_tensor, moments))
        for moments in zip(means, covariances, strict=True)
    ]
    rng = np.random.RandomState(0)

    def draw(labels):
        if numpy_draws:
            z = [rng.multivariate_normal(means[c], covariances[c]) for c in labels]
            return torch.as_tensor(np.array(z)).float().to(device)
        z = torch.empty(len(labels), means.shape[1])
        for c in range(n_classes):
            mine = labels == c
            z[mine] = gaussians[c].sample([int(mine.sum())]).float()
        return z.to(device)

    def step():
        drawn = torch.randperm(len(rows), device=device)[: sampler.batch_size]
        n_fake = -(-len(drawn) // n_classes)
        fake = G(draw(torch.randint(n_classes, (n_fake,)))).detach()
        x = torch.cat([rows[drawn], fake])
        y = torch.cat([codes[drawn], torch.full((n_fake,), n_classes, device=device)])
        update(D_optimiser, F.cross_entropy(D(x), y))
        labels = torch.randint(n_classes, (len(drawn) + n_fake,))
        on_fake = D(G(draw(labels)))
        update(G_optimiser, F.cross_entropy(on_fake, labels.to(device)))

    return step


def plain_gamo(sampler, rows, codes):
    """The game; `rows` are features."""
    device, n_classes = rows.device, len(COUNTS)
    owned = [rows[codes == c] for c in range(n_classes)]
    trunk = nn.Sequential(
        *(nn.Linear(sampler.latent_dim + n_classes, 256), nn.BatchNorm1d(256)),
        *(nn.ReLU(), nn.Linear(256, 64), nn.BatchNorm1d(64), nn.ReLU()),
    ).to(device)
    heads = nn.ModuleList(nn.Linear(64, len(own)) for own in owned).to(device)
    M, D = built(sampler, "classifier", "discriminator")
    M_optimiser, D_optimiser = adam(M, lr=sampler.lr), adam(D, lr=sampler.lr)
    G_optimiser = adam(trunk, heads, lr=sampler.lr)
    lacking = torch.tensor([COUNTS[0] - n for n in COUNTS], dtype=torch.float32)

    def new(n):
        labels = torch.multinomial(lacking, n, replacement=True).to(device)
        asked = F.one_hot(labels, n_classes).float()
        noise = torch.randn(n, sampler.latent_dim, device=device)
        hidden = trunk(torch.cat([noise, asked], 1))
        x = torch.empty(n, rows.shape[1], device=device)
        for c in labels.unique().tolist():
            mine = labels == c
            x[mine] = heads[c](hidden[mine]).softmax(1) @ owned[c]
        return x, asked

    def judge(x, asked):
        return D(torch.cat([x, asked], 1)).sigmoid()

    def step():
        drawn = torch.randperm(len(rows), device=device)[: sampler.batch_size]
        x, asked = rows[drawn], F.one_hot(codes[drawn], n_classes).float()
        fake, fake_asked = new(len(drawn))
        fake = fake.detach()
        on_real, on_fake = M(x).softmax(1), M(fake).softmax(1)
        update(
            M_optimiser, F.mse_loss(on_real, asked) + F.mse_loss(on_fake, fake_asked)
        )
        on_real, on_fake = judge(x, asked), judge(fake, fake_asked)
        noise = 0.1 * torch.rand(2, *on_real.shape, device=device)
        update(
            D_optimiser,
            F.mse_loss(on_real, 1 - noise[0]) + F.mse_loss(on_fake, noise[1]),
        )
        fake, fake_asked = new(len(drawn))
        update(G_optimiser, F.mse_loss(M(fake).softmax(1), 1 - fake_asked))
        fake, fake_asked = new(len(drawn))
        update(G_optimiser, (judge(fake, fake_asked) - 1).square().mean())

    return step


# ------------------------------------------------------------------ side by side


def milliseconds(*steps, n, repeats, device):
    """Median of one update of each; they take turns, so that noise hits all alike."""

    def wait():
        if device.type == "cuda":
            torch.cuda.synchronize()

    columns = [[] for _ in steps]
    for turn in range(repeats + 1):  # the first one warms up
        for step, column in zip(steps, columns, strict=True):
            wait()
            started = time.perf_counter()
            for _ in range(n):
                step()
            wait()
            if turn:
                column.append(1000 * (time.perf_counter() - started) / n)
    return [statistics.median(column) for column in columns]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--shape", type=int, nargs=3, default=[1, 28, 28])
    parser.add_argument("--width", type=float, default=0.5)
    parser.add_argument("--steps", type=int, default=2, help="of the convolutions")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    device = devices.resolve_device(options.device)
    X, y = images(options.shape)
    rows = torch.as_tensor(X, device=device).float() / 127.5 - 1
    codes = torch.as_tensor(y, device=device)
    precision = devices.resolve_precision("auto", device, images=True)
    threads = f"{torch.get_num_threads()} threads"
    print(
        f"{hardware(device)}, torch {torch.__version__}, {threads}, {precision}, "
        f"{options.shape}, width {options.width}\n"
    )
    common = {
        "width": options.width,
        "device": options.device,
        "n_steps": 1,
        "random_state": 0,
    }
    bagan, gamo = BAGAN(**common), GAMO(**common)
    ours, game = steps_of(bagan, X, y), steps_of(gamo, X, y)
    with torch.no_grad():
        features = gamo.networks_["encoder"].eval()(rows)
    lines = [
        ("BAGAN, autoencoder", ours["autoencoder"], plain_autoencoder(bagan, rows, codes)),
        ("BAGAN, GAN", ours["gan"], plain_bagan(bagan, rows, codes, True)),
        ("BAGAN, GAN, torch draws", ours["gan"], plain_bagan(bagan, rows, codes, False)),
        ("GAMO, autoencoder", game["autoencoder"], plain_autoencoder(gamo, rows, codes)),
        ("GAMO, game", game["game"], plain_gamo(gamo, features, codes)),
    ]  # fmt: skip
    print(f"{'update':<26}{'ours':>9}{'plain':>9}  ms{'ratio':>8}")
    for what, mine, plain in lines:
        n = options.steps * (50 if "game" in what else 1)
        a, b = milliseconds(mine, plain, n=n, repeats=options.repeats, device=device)
        print(f"{what:<26}{a:>9.1f}{b:>9.1f}{b / a:>12.2f}", flush=True)


if __name__ == "__main__":
    main()
