"""SMate's networks, Brownlee's and others, and what is refused of them."""

import pickle
from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn

from helpers import SMate, layers, networks, training
from helpers.over_sampling import _transfer

from .test_smate import SHORT, generator, images, same

# ------------------------------------------------------------------ networks


def test_networks_are_brownlees():
    """Maps, kernels and strides of his listing; his counts are in the doctests."""
    G = networks.brownlee_generator((3, 32, 32))
    D = networks.brownlee_discriminator((3, 32, 32))

    def convolutions(network):
        kind = nn.modules.conv._ConvNd
        layers = [m for m in network if isinstance(m, kind)]
        return [
            (type(m).__name__, m.out_channels, m.kernel_size[0], m.stride[0])
            for m in layers
        ]

    assert G[0].out_features == 4 * 4 * 256
    assert convolutions(G) == [("Doubling", 128, 4, 2)] * 3 + [("Conv2d", 3, 3, 1)]
    strides = [(64, 1), (128, 2), (128, 2), (256, 2)]
    assert convolutions(D) == [("Conv2d", c, 3, s) for c, s in strides]
    assert isinstance(G[-1], nn.Tanh)
    assert isinstance(D[-1], nn.Linear)
    assert (D[-2].p, D[-1].in_features) == (0.4, 4096)
    for network, n in ((G, 4), (D, 4)):
        slopes = [m.negative_slope for m in network if isinstance(m, nn.LeakyReLU)]
        assert slopes == [0.2] * n


def test_doubling_is_torchs_transposed_convolution():
    ours = layers.Doubling(3, 5).double()
    theirs = nn.ConvTranspose2d(3, 5, 4, stride=2, padding=1).double()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(4, 3, 2, 5, generator=generator(), dtype=torch.double)
    gradients = []
    for layer in (ours, theirs):
        z = x.clone().requires_grad_()
        y = layer(z)
        y.square().sum().backward()
        gradients.append([y, z.grad, layer.weight.grad, layer.bias.grad])
    for a, b in zip(*gradients, strict=True):
        assert torch.allclose(a, b)


@pytest.mark.parametrize(
    ("shape", "edges"), [((1, 28, 30), (1, 1, 2, 2)), ((2, 9, 16), (0, 0, 3, 4))]
)
def test_sides_that_are_no_multiple_of_8_are_padded_and_cropped_back(shape, edges):
    G = training.initialise(
        lambda: networks.brownlee_generator(shape, 6, 0.05), generator()
    ).eval()
    z = torch.randn(3, 6, generator=generator())
    left, _, top, _ = edges
    whole = G[:-1](z)
    assert [side % 8 for side in whole.shape[2:]] == [0, 0]
    part = whole[:, :, top : top + shape[1], left : left + shape[2]]
    assert torch.equal(G(z), part)
    D = networks.brownlee_discriminator(shape, 0.05)
    x = torch.ones(3, *shape)
    assert D[1](x).shape == whole.shape
    assert torch.equal(D[1](x)[:, :, top:, left:][:, :, : shape[1], : shape[2]], x)
    assert D[1](x).sum() == x.sum()
    assert D(x).shape == (3, 1)


@pytest.mark.parametrize("shape", [(28, 28), (3, 16, 16), (2, 12, 9), (5, 4)])
def test_images_of_any_size(shape):
    X, y = images(*shape, counts=(9, 7, 4))
    X_new, y_new = SMate(**SHORT).fit_resample(X, y)
    assert set(Counter(y_new).values()) == {9}
    assert X_new.shape == (27, *shape)
    assert X_new.dtype == np.uint8
    assert (X_new[: len(y)] == X).all()
    shape = shape if len(shape) == 3 else (1, *shape)
    flat = X.reshape(len(X), -1)
    X_flat, _ = SMate(**SHORT, image_shape=shape).fit_resample(flat, y)
    assert (X_flat.reshape(X_new.shape) == X_new).all()


def test_tables_get_dense_networks_of_as_many_layers():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [14, 6])
    sampler = SMate(n_steps=2, width=0.5, device="cpu").fit(rng.normal(size=(20, 5)), y)
    G, D = sampler.networks_["generator 1"], sampler.networks_["discriminator 1"]
    sizes = [m.out_features for m in G if isinstance(m, nn.Linear)]
    assert sizes == [128, 128, 128, 5]
    assert [m.out_features for m in D if isinstance(m, nn.Linear)] == [128] * 3 + [1]
    frozen = same(G, sampler.networks_["generator majority"])
    assert frozen == [True] * 4 + [False] * 4


def test_a_table_of_pixels_is_taken_as_a_table_and_that_is_said():
    X, y = images(3 * 64)
    with pytest.warns(UserWarning, match=r"pass image_shape=\(3, 8, 8\)"):
        SMate(**SHORT).fit(X, y)


def test_dropout_is_torchs_but_for_its_source():
    layer, x = layers.Dropout(0.4), torch.ones(200, 500, requires_grad=True)
    layers.draw_masks_from(generator(), nn.Sequential(layer))
    before = torch.get_rng_state()
    y = layer(x)
    assert torch.equal(torch.get_rng_state(), before)
    assert y.unique().tolist() == pytest.approx([0, 1 / 0.6])
    assert (y == 0).float().mean().item() == pytest.approx(0.4, abs=0.01)
    y.sum().backward()
    assert torch.equal(x.grad, y)
    assert not torch.equal(layer(x), y)
    assert layer.eval()(x) is x


# ------------------------------------------------------------------ other networks


def dcgan(side=8, dropout=0.0):
    """The networks of DCGAN, cut to two doublings; without its sigmoid."""
    G = nn.Sequential(
        nn.Unflatten(1, (6, 1, 1)),
        nn.ConvTranspose2d(6, 8, side // 4, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(True),
        nn.ConvTranspose2d(8, 5, 4, 2, 1, bias=False),
        nn.BatchNorm2d(5),
        nn.ReLU(True),
        nn.ConvTranspose2d(5, 1, 4, 2, 1, bias=False),
        nn.Tanh(),
    )
    D = nn.Sequential(
        nn.Conv2d(1, 4, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2, True),
        nn.Conv2d(4, 8, 4, 2, 1, bias=False),
        nn.BatchNorm2d(8),
        nn.LeakyReLU(0.2, True),
        nn.Sequential(nn.Dropout(dropout), nn.Conv2d(8, 1, side // 4, bias=False)),
    )
    return {"generator": G, "discriminator": D}


@pytest.mark.parametrize("loss", ["gan", "wgan-gp"])
def test_a_dcgan_plugs_in(loss):
    X, y = images(8, 8)
    passed = dcgan(dropout=0.3)
    before = torch.get_rng_state()
    weights = {
        n: {k: w.clone() for k, w in m.state_dict().items()} for n, m in passed.items()
    }
    expected, again, other = (
        SMate(**{**SHORT, "random_state": seed}, **passed, loss=loss).fit_resample(
            X, y
        )[0]
        for seed in (0, 0, 1)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert (expected == again).all()
    assert not (expected == other).all()
    for name, module in passed.items():  # what was passed in is not trained itself
        assert all(
            torch.equal(w, weights[name][k]) for k, w in module.state_dict().items()
        )


def test_other_normalisation_in_networks_passed_in():
    """Theirs starts as torch's constants; a copy of a tiny rate keeps them nearly."""
    G, D = dcgan().values()
    G[2], G[5], D[3] = nn.GroupNorm(2, 8), nn.PReLU(), nn.GroupNorm(1, 8)
    sampler = SMate(**SHORT, generator=G, discriminator=D, lr=1e-9)
    X, y = images(8, 8)
    networks_ = sampler.fit(X, y).networks_
    for layer in networks_["generator 1"][2], networks_["discriminator 1"][3]:
        assert torch.allclose(layer.weight, torch.ones(8))
    assert networks_["generator 1"][5].weight.item() == pytest.approx(0.25)


def test_batch_normalisation_of_networks_passed_in():
    """Frozen layers keep their statistics; real and generated rows go in apart."""
    X, y = images(8, 8)
    sampler = SMate(**SHORT, **dcgan())
    sizes = []
    build = sampler._build

    def spy(name):
        network = build(name)
        if name == "discriminator":
            network[3].register_forward_pre_hook(lambda _, x: sizes.append(len(x[0])))
        return network

    sampler._build = spy
    sampler.fit(X, y)
    assert sizes[:3] == [64, 64, 14]  # the checks, then the real rows of the majority
    assert set(sizes[2:11]) == {14}
    first, last = (sampler.networks_[f"generator {n}"] for n in ("majority", 1))
    assert same(first[2], last[2]) == [True] * 5
    assert not any(same(first[5], last[5]))
    assert same(first[1], last[1]) == [True]
    assert not any(same(first[4], last[4]) + same(first[7], last[7]))


def test_a_sampler_with_networks_passed_in_is_pickled_not_saved(tmp_path):
    X, y = images(8, 8)
    sampler = SMate(**SHORT, **dcgan()).fit(X, y)
    copy = pickle.loads(pickle.dumps(sampler))
    expected = sampler.sample("class 1", 4, random_state=0)
    assert (copy.sample("class 1", 4, random_state=0) == expected).all()
    with pytest.raises(ValueError, match="generator and the discriminator were passed"):
        sampler.save(tmp_path / "s.pt")


def changed(name, layer):
    modules = dcgan()
    modules[name][-1] = layer
    return modules


class HiddenSigmoid(nn.Conv2d):
    def forward(self, x):
        return super().forward(x).sigmoid()


@pytest.mark.parametrize(
    ("passed", "message"),
    [
        (
            changed("generator", nn.Sigmoid()),
            r"generator: it ends in a sigmoid.*nn.Tanh",
        ),
        (
            changed("discriminator", nn.Sequential(nn.Conv2d(8, 1, 2), nn.Sigmoid())),
            "discriminator: it ends in a sigmoid",
        ),
        (
            changed("generator", nn.Hardtanh(5, 6)),
            r"generated rows lie between 5 and 6, .*\[-1, 1\].*Tanh",
        ),
        # Inside the range at first, and free to leave it in training.
        (changed("generator", nn.Identity()), r"generated rows lie .*Tanh"),
        (
            changed("discriminator", HiddenSigmoid(8, 1, 2)),
            "discriminator: it ends in a sigmoid, or in something else",
        ),
        (
            changed("discriminator", nn.utils.spectral_norm(nn.Conv2d(8, 1, 2))),
            r"discriminator: its weights cannot be drawn .*\['weight_orig'\]",
        ),
        (
            changed(
                "discriminator",
                nn.utils.parametrizations.weight_norm(nn.Conv2d(8, 1, 2)),
            ),
            "discriminator: its weights cannot be drawn",
        ),
        (
            {
                "generator": nn.Sequential(
                    *(nn.Linear(6, 64), nn.BatchNorm1d(64)),
                    *(nn.Unflatten(1, (1, 8, 8)), nn.Tanh()),
                ),
                "batch_size": 1,
            },
            "batch_size=1, but the generator has a BatchNorm1d",
        ),
        (
            {"discriminator": dcgan(32)["discriminator"]},
            r"discriminator: it does not take rows of shape \(64, 1, 8, 8\) (?!.*latent_dim)",
        ),
        (
            {"generator": dcgan(16)["generator"]},
            r"generator: it makes \(1, 16, 16\) of a row, and \(1, 8, 8\)",
        ),
        (
            {"discriminator": nn.Flatten()},
            r"discriminator: it makes \(64,\) of a row, and \(1,\) is",
        ),
        (
            {"generator": dcgan()["generator"][1:]},
            r"generator: it does not take .*nn.Unflatten\(1, \(6, 1, 1\)\)",
        ),
        (
            changed("discriminator", nn.Sequential(nn.Dropout2d(), nn.Conv2d(8, 1, 2))),
            "'5.0' is Dropout2d.*global generator",
        ),
    ],
)
def test_networks_that_do_not_fit_are_refused_before_training(
    passed, message, monkeypatch
):
    X, y = images(8, 8)
    sampler = SMate(**SHORT, **passed)
    monkeypatch.setattr(sampler, "_train", lambda *_: pytest.fail("training began"))
    with pytest.raises(ValueError, match=message):
        sampler.fit(X, y)


def test_rows_outside_the_range_never_leave_the_sampler():
    X, y = images(8, 8)
    sampler = SMate(**SHORT).fit(X, y)
    sampler.networks_["generator 1"][-1] = nn.Hardtanh(0, 255)
    with torch.no_grad():
        sampler.networks_["generator 1"][-2].bias += 100
    with pytest.raises(ValueError, match=r"generated rows lie .*must share the range"):
        sampler.sample("class 1", 3)
    with pytest.raises(ValueError, match=r"real rows lie between 0 and 255"):
        _transfer.refuse_other_range(generated=torch.ones(2), real=torch.arange(256.0))
