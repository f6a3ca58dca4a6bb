"""Altered copies of images, each by a draw of its own from the generator given.

What SMate's GAN sees of a small class, and what the classifiers may train on.
"""

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Tensor

CHUNK = 256  # images altered at once; another number would change the draws
PADDING = 4  # pixels that a random crop may shift by
QUANTILES = 2**14  # points that stand for a Beta distribution

# ------------------------------------------------------------------ SMate's copies


def augment_images(images, times, generator):
    """Images, and `times` - 1 altered copies of each.

    Each copy has its own draw of: mirrored left to right (half of them); cropped by up to
    10 % at each side and enlarged again; scaled by 0.8 to 1.2 in each direction, moved by
    up to 20 %, rotated by up to 25 and sheared by up to 8 degrees; blurred by a Gaussian
    of up to half a pixel (half of them); contrast times 0.75 to 1.5; normal noise of up to
    0.05, the same in all channels in half of them; multiplied by 0.8 to 1.2, each channel
    by its own in a fifth of them. The ranges are the authors'.

    Parameters
    ----------
    images : Tensor of shape (n, C, H, W)
        In [0, 1].
    times : int
    generator : torch.Generator

    Returns
    -------
    Tensor of shape (n * times, C, H, W)
        The images first; in [0, 1].

    Notes
    -----
    The authors use imgaug, in random order. torchvision's random transforms draw from
    torch's global generator, and its functions take one set of parameters for a batch;
    the tests hold these against them. All that moves pixels is one bilinear look-up, and
    what comes in from outside is reflected: black corners would be learned and generated.
    """
    copies = [
        _alter(part, generator)
        for _ in range(times - 1)
        for part in images.split(CHUNK)
    ]
    return torch.cat([images, *copies])


def _alter(x, generator):
    n, channels, *sides = x.shape
    draw = {"generator": generator, "device": x.device}

    def uniform(low, high, *shape):
        return low + (high - low) * torch.rand((n, *shape), **draw)

    def chance(p):
        return torch.rand((n, 1, 1, 1), **draw) < p

    moves = sampling_matrices(
        sides,
        angle=uniform(-25, 25),
        shear=uniform(-8, 8),
        scale=uniform(0.8, 1.2, 2),
        shift=uniform(-0.2, 0.2, 2),
        crop=uniform(0, 0.1, 4),
        mirror=chance(0.5).view(n),
    )
    x = look_up(x, moves)
    if min(sides) > 1:
        x = torch.where(chance(0.5), blur(x, uniform(0, 0.5, 1, 1, 1)), x)
    x = 0.5 + uniform(0.75, 1.5, 1, 1, 1) * (x - 0.5)
    noise = torch.randn(x.shape, **draw)
    noise = torch.where(chance(0.5), noise, noise[:, :1])
    x = x + uniform(0, 0.05, 1, 1, 1) * noise
    factor = uniform(0.8, 1.2, channels, 1, 1)
    return (x * torch.where(chance(0.2), factor, factor[:, :1])).clamp(0, 1)


def sampling_matrices(sides, angle, shear, scale, shift, crop, mirror):
    """Where each image's pixels come from, for `look_up`.

    Cropped and mirrored first; then scaled, sheared, rotated about the middle and moved,
    with torchvision's signs.

    Parameters
    ----------
    sides : (H, W)
    angle, shear : Tensor of shape (n,)
        In degrees, clockwise; shear along x.
    scale, shift : Tensor of shape (n, 2)
        Along x and y; `shift` in shares of the sides.
    crop : Tensor of shape (n, 4)
        Shares left out at the left, right, top and bottom.
    mirror : Tensor of bool, shape (n,)

    Returns
    -------
    Tensor of shape (n, 2, 3)
    """
    height, width = sides
    cos, sin = torch.cos(angle.deg2rad()), torch.sin(angle.deg2rad())
    slope = torch.tan(shear.deg2rad())
    # Rows of the inverse map, in pixels: unscale, unshear, rotate back.
    inverse = torch.stack([cos - slope * sin, sin + slope * cos, -sin, cos], dim=1)
    inverse = inverse.view(-1, 2, 2) / scale[:, :, None]
    # torch counts from -1 to 1 along each side, whatever its length.
    size = angle.new_tensor([width, height])
    inverse = inverse * size / size[:, None]
    offset = -2 * (inverse @ shift[:, :, None])
    matrix = torch.cat([inverse, offset], dim=2)
    start, end = crop[:, 0::2], crop[:, 1::2]
    matrix = matrix * (1 - start - end)[:, :, None]
    matrix[:, :, 2] += start - end
    sign = torch.where(mirror, -1.0, 1.0)
    return matrix * torch.stack([sign, torch.ones_like(sign)], dim=1)[:, :, None]


def look_up(x, matrices):
    """Move the pixels of each image, (n, C, H, W), by its matrix, (n, 2, 3)."""
    grid = F.affine_grid(matrices, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def blur(x, sigma):
    """A Gaussian blur of each image's own width, over 3x3 pixels.

    Parameters
    ----------
    x : Tensor of shape (n, C, H, W)
    sigma : Tensor of shape (n, 1, 1, 1)
        In pixels, at most 0.5: a tap farther out would weigh 0.0003.
    """
    side = torch.exp(-0.5 / sigma.clamp(min=1e-3).square())
    side, middle = side / (1 + 2 * side), 1 / (1 + 2 * side)
    p = F.pad(x, (1, 1, 0, 0), mode="reflect")
    x = middle * x + side * (p[..., :-2] + p[..., 2:])
    p = F.pad(x, (0, 0, 1, 1), mode="reflect")
    return middle * x + side * (p[..., :-2, :] + p[..., 2:, :])


# ------------------------------------------------------------------ in the training


def shift_and_flip(x, generator, flip=True) -> Tensor:
    """Move each image by up to 4 pixels, and mirror half of them left to right.

    Parameters
    ----------
    x : Tensor of shape (n, C, H, W)
        Scaled images; zeros come in from outside.
    generator : torch.Generator
        Draws two shifts and a mirror for each image.
    flip : bool
        False never mirrors.

    Returns
    -------
    Tensor of shape (n, C, H, W)
    """
    n, _, height, width = x.shape
    draw = {"generator": generator, "device": x.device}
    down, right = torch.randint(2 * PADDING + 1, (2, n, 1), **draw)
    rows = torch.arange(height, device=x.device) + down  # (n, H)
    columns = torch.arange(width, device=x.device).expand(n, -1)
    if flip:
        mirrored = torch.rand(n, 1, **draw) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    columns = columns + right  # (n, W)
    image = torch.arange(n, device=x.device)
    # (n, H + 8, W + 8, C): the index then gathers whole pixels, in channels-last order.
    padded = F.pad(x, [PADDING] * 4).permute(0, 2, 3, 1)
    moved = padded[image[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def beta_quantiles(alpha: float, device: torch.device) -> Tensor:
    """Equally probable points of Beta(alpha, alpha), to draw shares from.

    Torch's own Beta distribution takes no generator. These points miss the distribution
    function by 1/32768 at most.
    """
    probabilities = (np.arange(QUANTILES) + 0.5) / QUANTILES
    points = stats.beta.ppf(probabilities, alpha, alpha)
    return torch.as_tensor(points, dtype=torch.float32, device=device)


def mix_pairs(x, targets, shares, generator) -> tuple[Tensor, Tensor]:
    """Mixup: pull each image and its target towards those of another in the batch.

    Parameters
    ----------
    x : Tensor of shape (n, C, H, W)
    targets : Tensor of shape (n, K)
        Weighted or not; each partner brings its own weight.
    shares : Tensor of shape (m,)
        What is kept of the first partner is drawn from these.
    generator : torch.Generator
        Draws partners and shares.

    Returns
    -------
    x, targets : Tensors
        Shaped as given, ``share * first + (1 - share) * second``.

    Notes
    -----
    One share per pair, as the paper's formula has it; its authors' code draws one per
    batch.
    """
    draw = {"generator": generator, "device": x.device}
    partner = torch.randperm(len(x), **draw)
    share = shares[torch.randint(len(shares), (len(x),), **draw)]
    mixed = x[partner].lerp(x, share[:, None, None, None])
    return mixed, targets[partner].lerp(targets, share[:, None])
