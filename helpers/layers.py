"""Layers that torch lacks, or that are quicker than its own on a CPU."""

import functools

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class TinyConv2d(nn.Conv2d):
    """A 3x3 convolution with padding 1 that is quick on maps of 1 to 2 pixels a side.

    There most of the nine weights meet nothing but padding, and a CPU's convolution
    multiplies them all the same. A fully connected layer made of those that meet a pixel
    gives the same numbers; on larger maps and on GPUs this is the convolution it extends.

    Parameters
    ----------
    width_in, width_out : int
        Channels.
    stride : int

    Examples
    --------
    >>> TinyConv2d(4, 8, stride=2)(torch.zeros(5, 4, 2, 2)).shape
    torch.Size([5, 8, 1, 1])
    """

    def __init__(self, width_in: int, width_out: int, stride: int = 1):
        super().__init__(width_in, width_out, 3, stride, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        n, width_in, *sides = x.shape
        if x.device.type != "cpu" or max(sides) > 2:
            return super().forward(x)
        width_out, pixels = self.out_channels, sides[0] * sides[1]
        if pixels == 1:  # the same numbers, and bits, without a slow product
            layer = self.weight[:, :, 1, 1].contiguous().T
            return (x.reshape(n, -1) @ layer)[:, None, None].permute(0, 3, 1, 2)
        meets = meetings(*sides, self.stride[0]).to(self.weight)
        ends = meets.shape[2:]
        layer = self.weight.reshape(-1, 9) @ meets.flatten(1)
        layer = layer.reshape(width_out, width_in, pixels, -1).permute(1, 2, 3, 0)
        y = x.reshape(n, -1) @ layer.reshape(width_in * pixels, -1)
        return y.reshape(n, *ends, width_out).permute(0, 3, 1, 2)


@functools.cache
@torch.inference_mode(mode=False)  # what is kept may serve a training later
def meetings(height: int, width: int, stride: int) -> Tensor:
    """Which of nine weights carries which pixel to which: (9, pixels in, rows, columns out).

    Examples
    --------
    A single pixel meets the weight in the middle and no other:

    >>> meetings(1, 1, 1).flatten().tolist()
    [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    """
    pixels = torch.eye(height * width).reshape(-1, 1, height, width)
    weights = torch.eye(9).reshape(9, 1, 3, 3)
    return F.conv2d(pixels, weights, stride=stride, padding=1).transpose(0, 1)


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
