"""What is particular to `GANOverSampler`: the paper's networks and its chapter's code."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from helpers import GANOverSampler, load_bcw
from helpers.experiments.gan_tutorial import split
from helpers.training import initialise

CHAPTER = Path(__file__).parents[1] / "book" / "gan_tutorial.ipynb"


def layers(network):
    return [
        (m.in_features, m.out_features) for m in network if isinstance(m, nn.Linear)
    ]


@pytest.fixture(scope="module")
def training_rows():
    bcw = load_bcw()
    rows = split(bcw.target, 42, test_share=0.6)[0]
    return bcw.data[rows], bcw.target[rows]


def test_default_networks_are_the_papers(training_rows):
    sampler = GANOverSampler(random_state=0, device="cpu").fit(*training_rows)
    widths = [100, 200, 300, 400, 500, 30]
    generator, discriminator = sampler.networks_.values()
    assert layers(generator) == [*itertools.pairwise(widths)]
    widths = [30, 500, 400, 300, 200, 1]
    assert layers(discriminator) == [*itertools.pairwise(widths)]
    assert isinstance(generator[-1], nn.Sigmoid)
    assert sum(isinstance(m, nn.SELU) for m in generator) == 4
    assert len(sampler.history_) == 10 * 4  # 106 rows: three batches of 32, one of 10


def test_preset_has_the_authors_parameters_and_updates(training_rows):
    """The parameter counts that their notebook prints, and its 30 updates."""
    sampler = GANOverSampler.preset("authors_code", random_state=0, device="cpu")
    sampler.fit(*training_rows)
    sizes = [sum(p.numel() for p in n.parameters()) for n in sampler.networks_.values()]
    assert sizes == [418_030, 417_531]
    assert len(sampler.history_) == 30


def chapter_definitions():
    """The chapter's own GAN, from its cells, in a fresh namespace."""
    source = {"np": np, "torch": torch, "nn": nn, "initialise": initialise}
    for cell in json.loads(CHAPTER.read_text())["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code" and text.startswith(
            ("def build_generator", "def train_gan", "def gan_rows")
        ):
            exec(text.partition("\n\n\nby_hand")[0], source)
    return source


def test_the_chapters_gan_makes_the_packages_rows(training_rows):
    X, y = training_rows
    scaled = (X - X.min(axis=0)) / np.ptp(X, axis=0)
    by_hand = chapter_definitions()["gan_rows"](scaled[y == 1], 72, epochs=5, seed=3)
    sampler = GANOverSampler(epochs=5, random_state=3, device="cpu")
    packaged = sampler.fit_resample(scaled, y)[0][len(y) :]
    assert np.abs(by_hand - packaged).max() < 1e-4
    assert np.abs(by_hand - by_hand.mean(axis=0)).max() > 1e-3  # not all the same


def test_each_class_that_needs_rows_has_its_own_gan():
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b", "c"], [60, 30, 20])
    X = (
        rng.normal(0, 0.1, (110, 2))
        + np.select([y == "b", y == "c"], [5, -5], 0)[:, None]
    )
    sampler = GANOverSampler(epochs=100, random_state=0, device="cpu")
    X_new, y_new = sampler.fit_resample(X, y)
    made = X_new[110:]
    assert made[y_new[110:] == "b"].mean() > 2
    assert made[y_new[110:] == "c"].mean() < -2
