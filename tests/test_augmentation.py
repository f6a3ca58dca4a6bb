"""Augmentation: SMate's copies against torchvision's, crops, mirrors, mixup."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.transforms.v2 import functional as tv

from helpers import augmentation, training

CPU = torch.device("cpu")


def generator(seed=0):
    return training.make_generator(seed, CPU)


# ------------------------------------------------------------------ SMate's copies


def test_ten_times_500_are_5000_the_images_first():
    x = torch.rand(500, 3, 4, 4, generator=generator())
    states = torch.get_rng_state()
    more = augmentation.augment_images(x, 10, generator())
    assert torch.equal(torch.get_rng_state(), states)
    assert more.shape == (5000, 3, 4, 4)
    assert torch.equal(more[:500], x)
    assert torch.equal(more, augmentation.augment_images(x, 10, generator()))
    assert 0 <= more.min() < more.max() <= 1
    for k in range(1, 10):  # no copy is the image, nor another copy of it
        assert (more[:500] - more[500 * k : 500 * k + 500]).abs().amax(
            (1, 2, 3)
        ).min() > 0
    assert torch.equal(augmentation.augment_images(x, 1, generator()), x)


STILL = {
    "angle": [0.0],
    "shear": [0.0],
    "scale": [[1.0, 1.0]],
    "shift": [[0.0, 0.0]],
    "crop": [[0.0] * 4],
    "mirror": [False],
}


def moved(x, **moves):
    moves = {k: torch.tensor(v) for k, v in {**STILL, **moves}.items()}
    return augmentation.look_up(x, augmentation.sampling_matrices(x.shape[2:], **moves))


def smooth(height=20, width=30):
    """An image without sharp edges, so that small shares of pixels do not matter."""
    rows, columns = torch.meshgrid(
        torch.linspace(0, 2, height), torch.linspace(0, 3, width), indexing="ij"
    )
    return (torch.sin(rows) + torch.cos(columns) + 0.3 * rows * columns)[None, None]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"angle": [20.0]}, {"angle": 20.0}),
        ({"shear": [-8.0]}, {"shear": [-8.0, 0.0]}),
        ({"scale": [[1.2, 1.2]]}, {"scale": 1.2}),
        ({"shift": [[0.1, -0.2]]}, {"translate": [3, -4]}),
        (
            {
                "angle": [-15.0],
                "shear": [6.0],
                "scale": [[0.9, 0.9]],
                "shift": [[0.1, 0.2]],
            },
            {"angle": -15.0, "shear": [6.0, 0.0], "scale": 0.9, "translate": [3, 4]},
        ),
    ],
)
def test_moves_are_torchvisions(ours, theirs):
    x = smooth()
    default = {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0]}
    expected = tv.affine(
        x, **{**default, **theirs}, interpolation=tv.InterpolationMode.BILINEAR
    )
    inside = tv.affine(torch.ones_like(x), **{**default, **theirs}) == 1
    difference = (moved(x, **ours) - expected)[inside].abs()
    assert inside.float().mean() > 0.5
    assert difference.quantile(0.95) < 1e-3  # at the border theirs fades to black
    assert ours == {} or (moved(x, **ours) - x).abs().max() > 0.1


def test_crop_and_mirror():
    x = smooth()
    assert torch.allclose(moved(x, mirror=[True]), x.flip(3), atol=1e-5)
    part = x[:, :, 2:17, 3:27]  # 10 and 15 % of 20 rows, twice 10 % of 30 columns
    expected = nn.functional.interpolate(part, (20, 30), mode="bilinear")
    found = moved(x, crop=[[0.1, 0.1, 0.1, 0.15]])
    assert (found - expected)[..., 1:-1, 1:-1].abs().max() < 1e-2
    # Nothing black comes in from outside, where every pixel is white.
    white = augmentation.augment_images(torch.ones(200, 1, 9, 9), 2, generator())[200:]
    assert white.min() > 0.5 + 0.5 * 0.75 - 0.5


def test_blur_is_torchvisions():
    x, sigma = torch.rand(3, 2, 7, 9, generator=generator()), [0.5, 0.3, 1e-9]
    found = augmentation.blur(x, torch.tensor(sigma).view(3, 1, 1, 1))
    for k in range(2):
        expected = tv.gaussian_blur(x[k], [3, 3], [sigma[k]])
        assert torch.allclose(found[k], expected, atol=1e-6)
    assert torch.equal(found[2], x[2])


def test_draws_fill_the_ranges_of_the_authors(monkeypatch):
    """Of what moves pixels, by spying; of colours, from what comes out."""
    seen, original = {}, augmentation.sampling_matrices

    def spy(sides, **moves):
        seen.update(moves)
        return original(
            sides, **{k: torch.tensor(v).expand_as(moves[k]) for k, v in STILL.items()}
        )

    monkeypatch.setattr(augmentation, "sampling_matrices", spy)
    monkeypatch.setattr(augmentation, "CHUNK", 2000)
    x = torch.full((2000, 3, 5, 5), 0.5)
    x[:, :, 2, 2] = 0.7
    copies = augmentation.augment_images(x, 2, generator())[2000:]
    for name, low, high in [
        ("angle", -25, 25),
        ("shear", -8, 8),
        ("scale", 0.8, 1.2),
        ("shift", -0.2, 0.2),
        ("crop", 0, 0.1),
    ]:
        values, room = seen[name], 0.01 * (high - low)
        assert low <= values.min() < low + room
        assert high - room < values.max() <= high
    assert seen["mirror"].float().mean().item() == pytest.approx(0.5, abs=0.04)
    grey = copies[:, :, 0].mean(
        dim=2
    )  # five pixels of 0.5: contrast leaves them, noise averages
    assert grey.mean().item() == pytest.approx(0.5, abs=0.005)
    assert 0.38 < grey.quantile(0.01) < grey.quantile(0.99) < 0.62
    channels = copies.flatten(2).std(dim=1).mean(dim=1)  # noise or factors of their own
    assert (channels < 1e-6).float().mean().item() == pytest.approx(0.5 * 0.8, abs=0.04)
    spread = copies[:, 0, 0].std(dim=1)
    assert 0 < spread.median() < 0.05


# ------------------------------------------------------------------ in the training


def numbered(n, channels=2, side=9):
    """Images in which no pixel value occurs twice."""
    pixels = channels * side * side
    return torch.arange(1.0, n * pixels + 1).reshape(n, channels, side, side)


def found_moves(x, moved):
    """The one shift and mirror that explains each image: (down, right, mirrored)."""
    side, moves = x.shape[-1], []
    for before, after in zip(x, moved, strict=True):
        fits = []
        for mirrored in (False, True):
            padded = F.pad(before.flip(2) if mirrored else before, [4] * 4)
            for down in range(9):
                for right in range(9):
                    part = padded[:, down : down + side, right : right + side]
                    if torch.equal(part, after):
                        fits.append((down, right, mirrored))
        assert len(fits) == 1
        moves += fits
    return moves


@pytest.mark.parametrize("flip", [False, True])
def test_crops_move_and_mirror_each_image_by_its_own_draw(flip):
    x = numbered(150)
    moved = augmentation.shift_and_flip(x, generator(), flip=flip)
    assert moved.shape == x.shape
    moves = found_moves(x, moved)
    for axis in (0, 1):
        assert {move[axis] for move in moves} == {*range(9)}
    assert len({move[:2] for move in moves}) > 50
    assert 0.35 < np.mean([move[2] for move in moves]) < 0.65 if flip else True
    assert flip or not any(move[2] for move in moves)


def test_crops_keep_oblong_images_oblong():
    x = torch.rand(3, 1, 9, 17, generator=generator()) + 1
    moved = augmentation.shift_and_flip(x, generator())
    assert moved.shape == x.shape
    assert (moved == 0).any()
    assert set(moved[moved > 0].tolist()) <= set(x.flatten().tolist())


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_mixup_mixes_images_and_targets_alike(share):
    x = torch.arange(50.0)[:, None, None, None].expand(50, 2, 3, 3)
    targets = torch.stack([torch.arange(50.0), 49 - torch.arange(50.0)], dim=1)
    mixed, target = augmentation.mix_pairs(
        x, targets, torch.tensor([share]), generator()
    )
    assert torch.allclose(mixed, target[:, :1, None, None].expand(50, 2, 3, 3))
    assert torch.allclose(target.sum(dim=1), torch.tensor(49.0))
    own = torch.arange(50.0)
    if share == 1:
        assert torch.equal(target[:, 0], own)
    else:
        partner = (target[:, 0] - share * own) / (1 - share)
        assert sorted(partner.round().tolist()) == own.tolist()
        assert not torch.allclose(partner, own)


def test_each_pair_draws_its_share_from_beta():
    flat = augmentation.beta_quantiles(1.0, CPU)
    assert torch.allclose(flat, (torch.arange(len(flat)) + 0.5) / len(flat), atol=1e-5)
    for alpha in (0.2, 2.0):
        points = augmentation.beta_quantiles(alpha, CPU)
        assert points.mean().item() == pytest.approx(0.5, abs=1e-4)
        assert points.var().item() == pytest.approx(1 / (8 * alpha + 4), rel=1e-3)
    x = torch.zeros(500, 1, 1, 1)
    x[0], targets = 1, torch.zeros(500, 1)
    targets[0] = 1
    # One image stands out: it meets its share in its own row, the rest in its partner's.
    kept, _ = augmentation.mix_pairs(x, targets, flat, generator())
    kept = kept[kept > 0]
    assert len(kept) == 2
    assert kept[0] != 1 - kept[1]
