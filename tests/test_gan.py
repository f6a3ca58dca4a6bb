"""`GANOverSampler`: the paper's networks, its chapter's code; the health of all GANs."""

import itertools
import json
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from helpers import SAMPLERS, GANOverSampler, load_bcw, losses
from helpers.experiments.gan_tutorial import split
from helpers.over_sampling import _gan, _health, fit_stacked
from helpers.training import initialise

from .conftest import make_sampler

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


# ------------------------------------------------------------------ health


def test_variety_has_known_answers():
    real = torch.tensor([[0.0, 0], [3, 4], [6, 8]])  # 5 apart
    assert _health.variety(real[None], real) == 1
    assert _health.variety(torch.stack([real * 2, real * 0]), real) == 1
    assert _health.variety(real[None] + 1e4, real) == 1
    assert _health.variety(real[None, [1, 1, 1]], real) == 0
    # One of three rows has another place: the nearest of two are at 0.
    assert _health.variety(real[None, [0, 0, 1]], real) == pytest.approx(1 / 3)
    assert math.isnan(_health.variety(real[None], real[[1, 1, 1]]))
    images = torch.rand(5, 6, 1, 4, 4)
    flat = _health.variety(images.flatten(2), images[0].flatten(1))
    assert _health.variety(images, images[0]) == flat


@pytest.mark.parametrize("n_rows", [1, 10])
def test_a_generator_of_few_rows_has_little_variety(n_rows):
    """As many rows as real ones, but the same few again and again, nearly."""
    rng = torch.Generator().manual_seed(0)
    real = torch.rand(200, 1, 8, 8, generator=rng)
    few = torch.rand(n_rows, 1, 8, 8, generator=rng)[torch.arange(200) % n_rows]
    made = few + 0.01 * torch.randn(200, 1, 8, 8, generator=rng)
    assert _health.variety(made[None], real) < _health.LEAST / 2
    assert _health.variety(real[None].flip(3), real) == pytest.approx(1)


#: And what else tells of rows that are all alike.
GANS = ["bagan", "ctgan", "gamo", "gan", "gan_smote", "smate", "tab_ddpm"]


def bits(n=(24, 8)):
    """Rows that every GAN takes."""
    y = np.repeat(["common", "rare"], n)
    return np.random.default_rng(0).integers(0, 2, (len(y), 12)), y


@pytest.mark.parametrize("name", GANS)
def test_every_gan_tells_of_new_rows_that_are_all_alike(name, monkeypatch):
    X, y = bits()
    sampler = make_sampler(name)

    def same_row(self, code, n, generator):
        return torch.full((n, *self._row_shape), 0.5)

    with monkeypatch.context() as patch:
        patch.setattr(SAMPLERS[name], "_generate", same_row)
        with pytest.warns(
            UserWarning, match="has collapsed, or hardly.*0 in class 'rare'"
        ):
            sampler.fit(X, y)
    assert sampler.variety_ == {"rare": 0}

    def real_rows(self, code, n, generator):
        return torch.as_tensor(X[y == "rare"]).float().repeat(n // 8, 1)

    monkeypatch.setattr(SAMPLERS[name], "_generate", real_rows)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="The generator")
        assert sampler.fit(X, y).variety_ == {"rare": 1}


@pytest.mark.parametrize("name", GANS)
def test_judging_changes_no_rows(name, monkeypatch):
    X, y = bits()
    judged, _ = make_sampler(name).fit_resample(X, y)
    monkeypatch.setattr(_health, "judge_variety", lambda *_: None)
    assert (make_sampler(name).fit_resample(X, y)[0] == judged).all()


def test_nothing_to_fill_is_nothing_to_judge():
    X, y = bits((8, 8))
    for name in GANS:
        assert make_sampler(name).fit(X, y).variety_ == {}


@pytest.mark.filterwarnings("ignore")
def test_stacked_gans_are_judged_each_on_its_own_rows():
    (X, y), few = bits(), bits((8, 8))
    samplers = [make_sampler("gan_smote") for _ in range(3)]
    fit_stacked(samplers, [(X, y), few, (X[:, ::-1], y)])
    alone = make_sampler("gan_smote").fit(X, y).variety_
    assert [*map(len, (s.variety_ for s in samplers))] == [1, 0, 1]
    assert samplers[0].variety_ == pytest.approx(alone)


def test_rows_that_are_made_in_parts_are_those_made_at_once(monkeypatch):
    X = np.random.default_rng(0).normal(size=(60, 4))
    sampler = make_sampler("gan").fit(X, np.repeat([0, 1], [45, 15]))
    whole = sampler.sample(1, 100, random_state=0)
    monkeypatch.setattr(_gan, "MOST_AT_ONCE", 7)
    parts = sampler.sample(1, 100, random_state=0)
    np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-5)


def test_a_critic_learns_five_times_for_each_step_of_its_generator(monkeypatch):
    calls, original = [], losses.discriminator_loss
    monkeypatch.setattr(
        losses, "discriminator_loss", lambda *a: calls.append(1) or original(*a)
    )
    X = np.random.default_rng(0).normal(size=(40, 3))
    small = {"generator_layers": (8,), "discriminator_layers": (8,), "device": "cpu"}
    sampler = GANOverSampler(
        loss="wgan-gp", n_critic=5, epochs=10, random_state=0, **small
    ).fit(X, np.repeat([0, 1], [30, 10]))
    assert len(calls) == 5 * len(sampler.history_) > 5
