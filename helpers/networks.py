"""Small networks, shapes in comments. No training code, no weights drawn here."""

import functools
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def mlp(
    sizes: Sequence[int],
    activation: type[nn.Module] = nn.SELU,
    batch_norm: bool = False,
) -> nn.Sequential:
    """A fully connected network, `activation` between its layers and none at its end.

    Parameters
    ----------
    sizes : sequence of int
        Width of the input, of every hidden layer, of the output.
    activation : Module class
        SELU where nothing else is asked for, as in the GAN tutorial (step 2c).
    batch_norm : bool
        Put batch normalisation in front of every activation.

    Examples
    --------
    >>> mlp([3, 8, 1])
    Sequential(
      (0): Linear(in_features=3, out_features=8, bias=True)
      (1): SELU()
      (2): Linear(in_features=8, out_features=1, bias=True)
    )
    """
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise(sizes):
        layers.append(nn.Linear(width_in, width_out))
        if batch_norm:
            layers.append(nn.BatchNorm1d(width_out))
        layers.append(activation())
    return nn.Sequential(*layers[: -2 if batch_norm else -1])


def mlp_generator(latent_dim: int, hidden: Sequence[int], n_features: int):
    """The tutorial's generator: (n, latent_dim) -> (n, n_features), in [0, 1]."""
    return mlp([latent_dim, *hidden, n_features]).append(nn.Sigmoid())


def mlp_discriminator(n_features: int, hidden: Sequence[int], linear_input=False):
    """The tutorial's discriminator: (n, n_features) -> (n, 1) logits.

    `linear_input` puts a square layer without activation in front: the "input layer"
    of the authors' Keras code is a trained one (their cell 81).
    """
    network = mlp([n_features, *hidden, 1])
    if linear_input:
        network.insert(0, nn.Linear(n_features, n_features))
    return network


class StackedMLP(nn.Module):
    """Several fully connected networks of one shape, run side by side.

    Every parameter has a leading dimension, "which network": (K, n, n_in) goes in and
    (K, n, n_out) comes out, through LeakyReLU(0.2) between the layers and a sigmoid at
    the end, as in GAN-SMOTE (section 2.1).

    Parameters
    ----------
    networks : sequence of K Sequential
        Their linear layers give the first weights.

    Examples
    --------
    >>> import torch
    >>> networks = [mlp([3, 8, 1]) for _ in range(5)]
    >>> StackedMLP(networks)(torch.zeros(5, 7, 3)).shape
    torch.Size([5, 7, 1])
    """

    def __init__(self, networks: Sequence[nn.Sequential]):
        super().__init__()
        layers = [*zip(*map(_linear_layers, networks), strict=True)]
        self.weights = nn.ParameterList(
            torch.stack([layer.weight.detach().T for layer in column])
            for column in layers
        )  # (K, n_in, n_out)
        self.biases = nn.ParameterList(
            torch.stack([layer.bias.detach()[None] for layer in column])
            for column in layers
        )  # (K, 1, n_out)

    def forward(self, x: Tensor, dropout: Sequence[Tensor] = ()) -> Tensor:
        """`dropout` has one mask per hidden layer, of zeros and 1 / (1 - p)."""
        last = len(self.weights) - 1
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x, weight)
            if i < last:
                x = F.leaky_relu(x, 0.2)
                if dropout:
                    x = x * dropout[i]
        return torch.sigmoid(x)

    @torch.no_grad()
    def copy_to(self, k: int, network: nn.Sequential) -> None:
        """Write the weights of network number `k` into an ordinary one."""
        for i, layer in enumerate(_linear_layers(network)):
            layer.weight.copy_(self.weights[i][k].T)
            layer.bias.copy_(self.biases[i][k, 0])


def _linear_layers(network):
    return [layer for layer in network if isinstance(layer, nn.Linear)]


#: Channels of DeepSMOTE's four convolutions at full width.
CHANNELS = 64, 128, 256, 512


def conv_encoder(image_shape: Sequence[int], latent_dim: int, width: float = 1.0):
    """DeepSMOTE's encoder: (n, C, H, W) -> (n, latent_dim).

    Four convolutions of kernel 4 and stride 2, so that each halves a side and rounds
    down: 28-14-7-3-1 and 32-16-8-4-2. A side that is one pixel already stays one. Batch
    normalisation from the second convolution on, LeakyReLU(0.2) after each.

    The authors' code has these layers for 28x28. For 32x32 a comment in it gives the
    fourth convolution stride 1, down to one pixel; the journal's "S = 2" is followed
    here, since it is one rule for all sizes.

    Parameters
    ----------
    image_shape : (C, H, W)
        Any number of channels; the sides need not be equal.
    latent_dim : int
        Length of the code.
    width : float
        Factor of the 64, 128, 256 and 512 channels.

    Examples
    --------
    >>> import torch
    >>> conv_encoder((3, 32, 32), latent_dim=600, width=0.1)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 600])
    """
    channels, *sides = image_shape
    layers: list[nn.Module] = []
    for i, out in enumerate(_channels(width)):
        kernel, stride, padding = zip(
            *((4, 2, 1) if side > 1 else (1, 1, 0) for side in sides), strict=True
        )
        layers.append(nn.Conv2d(channels, out, kernel, stride, padding, bias=False))
        if i:
            layers.append(nn.BatchNorm2d(out))
        layers.append(nn.LeakyReLU(0.2, inplace=True))
        channels, sides = out, [max(1, side // 2) for side in sides]
    # 28x28: (n, 512, 1, 1); 32x32: (n, 512, 2, 2)
    n_features = channels * sides[0] * sides[1]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(n_features, latent_dim))


def conv_decoder(image_shape: Sequence[int], latent_dim: int, width: float = 1.0):
    """DeepSMOTE's decoder: (n, latent_dim) -> (n, C, H, W), in [-1, 1].

    A linear layer fills 512 small maps; three transposed convolutions bring them to
    256, 128 and C maps of full size, with batch normalisation and ReLU between them and
    tanh at the end.

    At 28x28 the authors' sizes: 7-10-13-28, no mirror of the encoder. At any other size
    those that a reimplementation takes for 32x32: 8-16-32-32, two doublings and a last
    layer of kernel 3. Their rule is a quarter of each side, rounded down, doubled twice,
    with one row or column more where a half was rounded down: 21 is 5-10-21-21.

    Parameters
    ----------
    image_shape, latent_dim, width
        As in `conv_encoder`. Sides of at least 4 pixels.

    Examples
    --------
    >>> import torch
    >>> conv_decoder((1, 28, 28), latent_dim=300, width=0.1)(torch.zeros(2, 300)).shape
    torch.Size([2, 1, 28, 28])
    """
    channels, *sides = image_shape
    _, c, b, a = _channels(width)  # 128, 256, 512 maps
    start = [side // 4 for side in sides]
    if sides == [28, 28]:
        first = nn.ConvTranspose2d(a, b, 4)  # 7 -> 10
        second = nn.ConvTranspose2d(b, c, 4)  # 10 -> 13
        third = nn.ConvTranspose2d(c, channels, 4, stride=2)  # 13 -> 28
    else:
        odd_halves = [side // 2 % 2 for side in sides]
        odd = [side % 2 for side in sides]
        first = nn.ConvTranspose2d(a, b, 4, 2, 1, output_padding=odd_halves)
        second = nn.ConvTranspose2d(b, c, 4, 2, 1, output_padding=odd)
        third = nn.ConvTranspose2d(c, channels, 3, 1, 1)
    return nn.Sequential(
        nn.Linear(latent_dim, a * start[0] * start[1]),
        nn.ReLU(inplace=True),
        nn.Unflatten(1, (a, *start)),  # 28x28: (n, 512, 7, 7)
        first,
        nn.BatchNorm2d(b),
        nn.ReLU(inplace=True),
        second,
        nn.BatchNorm2d(c),
        nn.ReLU(inplace=True),
        third,
        nn.Tanh(),
    )


def _channels(width):
    return [max(1, round(width * channels)) for channels in CHANNELS]


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
