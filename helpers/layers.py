"""Layers that torch lacks, or that are quicker than its own on a CPU."""

import functools
from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class TinyConv2d(nn.Conv2d):
    """A 3x3 convolution with padding 1 that is quick on maps of 1, 2 or 4 pixels a side.

    There many of the nine weights meet nothing but padding, and a CPU's convolution
    multiplies them all the same. Here sums of pixels meet sums of weights (`PRODUCTS`), with
    a fraction of the products. On other maps and on GPUs this is the convolution it extends.

    Parameters
    ----------
    width_in, width_out : int
        Channels.
    stride : int

    Notes
    -----
    The numbers are torch's but for rounding, which is 1e-5 of the largest on maps of 4
    pixels a side. In bfloat16 sums would round 2 times (2 pixels a side) and 13 times (4) as
    much as torch's convolution, which is taken in a lower precision.

    Examples
    --------
    >>> TinyConv2d(4, 8, stride=2)(torch.zeros(5, 4, 2, 2)).shape
    torch.Size([5, 8, 1, 1])
    """

    def __init__(self, width_in: int, width_out: int, stride: int = 1):
        super().__init__(width_in, width_out, 3, stride, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        n, width_in, *sides = x.shape
        lower = torch.is_autocast_enabled("cpu") or x.dtype.itemsize < 4
        quick = {1} if lower else {1, 2, 4}
        if x.device.type != "cpu" or not {*sides} <= quick:
            return super().forward(x)
        together, of_weights, of_pixels = (
            sums.to(self.weight) for sums in products(*sides, self.stride[0])
        )
        pixels = of_pixels @ x.permute(2, 3, 0, 1).flatten(2).flatten(0, 1)
        weights = of_weights @ self.weight.permute(2, 3, 0, 1).reshape(9, -1)
        pixels = pixels.reshape(len(pixels), n, width_in)
        weights = weights.reshape(len(weights), self.out_channels, width_in)
        y = together @ (pixels @ weights.mT).flatten(1)
        ends = [-(-side // self.stride[0]) for side in sides]
        y = y.reshape(*ends, n, self.out_channels).permute(2, 3, 0, 1)
        return y.contiguous(memory_format=torch.channels_last)


#: By pixels a side and stride, along one side of a map x: what three weights w make of it is
#: ``A @ ((G @ w) * (B @ x))``, with one product a row of G and B; here A, G and B, their rows
#: between commas. The first of 4 pixels is F(4, 3) of Lavin and Gray (2016), padding left out.
PRODUCTS = {
    (1, 1): ("1", "0 1 0", "1"),
    (1, 2): ("1", "0 1 0", "1"),
    (2, 1): ("1 1 0, 1 0 1", "0 1 0, 0 -1 1, 1 -1 0", "1 1, 0 1, 1 0"),
    (2, 2): ("1 1", "0 1 0, 0 0 1", "1 0, 0 1"),
    (4, 1): (
        "1 1 1 1 1 0, 0 1 -1 2 -2 0, 0 1 1 4 4 0, 0 1 -1 8 -8 1",
        "1/4 0 0, -1/6 -1/6 -1/6, -1/6 1/6 -1/6, 1/24 1/12 1/6, 1/24 -1/12 1/6, 0 0 1",
        "0 -5 0 1, -4 -4 1 1, 4 -4 -1 1, -2 -1 2 1, 2 -1 -2 1, 4 0 -5 0",
    ),
    (4, 2): (
        "1 1 0 0 0, 0 0 1 1 1",
        "0 1 0, 0 0 1, 1 0 0, 0 1 0, 0 0 1",
        "1 0 0 0, 0 1 0 0, 0 1 0 0, 0 0 1 0, 0 0 0 1",
    ),
}


@functools.cache
@torch.inference_mode(mode=False)  # what is kept may serve a training later
def products(height: int, width: int, stride: int) -> tuple[Tensor, Tensor, Tensor]:
    """`PRODUCTS` of a map: its outputs of products, those of weights, those of pixels.

    Examples
    --------
    A single pixel meets the weight in the middle and no other:

    >>> [sums.tolist() for sums in products(1, 1, 1)]
    [[[1.0]], [[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]], [[1.0]]]
    """
    sides = PRODUCTS[height, stride], PRODUCTS[width, stride]
    return tuple(
        torch.kron(*(_matrix(text) for text in two)) for two in zip(*sides, strict=True)
    )


def _matrix(text):
    rows = [[float(Fraction(v)) for v in row.split()] for row in text.split(",")]
    return torch.tensor(rows, dtype=torch.double)


class Dropout(nn.Module):
    """Dropout whose masks come from a generator of our own; torch's takes none.

    Parameters
    ----------
    p : float in [0, 1)
        Share of the values that become 0; the others are divided by ``1 - p``.

    Attributes
    ----------
    generator : torch.Generator or None
        To be set before a training, with `draw_masks_from`. None, as at first, is torch's
        global generator.

    Examples
    --------
    >>> layer = Dropout(0.5)
    >>> layer.generator = torch.Generator().manual_seed(0)
    >>> layer(torch.ones(1000)).unique().tolist()
    [0.0, 2.0]
    >>> layer.eval()(torch.ones(2)).tolist()
    [1.0, 1.0]
    """

    def __init__(self, p: float):
        super().__init__()
        self.p, self.generator = p, None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.p:
            return x
        keep = torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)
        return x * keep.div_(1 - self.p)

    def extra_repr(self):
        return f"p={self.p}"


def draw_masks_from(generator: torch.Generator | None, *networks: nn.Module) -> None:
    """Let every `Dropout` of these networks draw from `generator`."""
    for network in networks:
        for layer in network.modules():
            if isinstance(layer, Dropout):
                layer.generator = generator


class Doubling(nn.ConvTranspose2d):
    """A transposed convolution of kernel 4 and stride 2 that adds its bias by itself.

    The numbers are torch's. A CPU's transposed convolution takes half as long again for
    the gradients where it has to find that of a bias, too.

    Parameters
    ----------
    width_in, width_out : int
        Channels.

    Examples
    --------
    >>> Doubling(4, 8)(torch.zeros(5, 4, 3, 6)).shape
    torch.Size([5, 8, 6, 12])
    """

    def __init__(self, width_in: int, width_out: int):
        super().__init__(width_in, width_out, 4, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, C, H, W) -> (n, C', 2 H, 2 W)."""
        y = F.conv_transpose2d(x, self.weight, stride=2, padding=1)
        return y.add_(self.bias[:, None, None])


class ChannelsLast(nn.Module):
    """Lay images out with the channels last in memory; their shape stays.

    Convolutions that take them keep the layout, and CPUs and GPUs are quicker with it.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x.contiguous(memory_format=torch.channels_last)


class Float32Linear(nn.Linear):
    """A linear layer that leaves the lower precision around it.

    With the 8 bits of bfloat16, logits near 10 lie 1/16 apart: scores would tie.
    """

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())
