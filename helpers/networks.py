"""Small networks, shapes in comments. No training code, no weights drawn here."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import ChannelsLast, Doubling, Dropout


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


def laid_out(network: nn.Module) -> nn.Module:
    """Weights with the channels last in memory, where convolutions take them so."""
    if next(network.parameters()).device.type == "cpu":
        return network  # oneDNN orders weights itself; gradients would be copied
    for parameter in network.parameters():
        if parameter.ndim == 4:  # Module.to() would refuse those of other convolutions
            parameter.data = parameter.contiguous(memory_format=torch.channels_last)
    return network


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


#: Feature maps of Brownlee's two networks at full width.
G_CHANNELS = 256, 128, 128, 128
D_CHANNELS = 64, 128, 128, 256


def brownlee_generator(
    image_shape: Sequence[int], latent_dim: int = 100, width: float = 1.0
):
    """Brownlee's generator for CIFAR-10: (n, latent_dim) -> (n, C, H, W), in [-1, 1].

    A dense layer fills 256 maps of an eighth of each side, three transposed convolutions
    (kernel 4, stride 2) of 128 maps double them, a 3x3 convolution with tanh paints the
    image; LeakyReLU(0.2) between them. At 3x32x32: 4x4x256 and 1,466,115 weights. Sides
    that are no multiple of 8 are made larger and cropped.

    Parameters
    ----------
    image_shape : (C, H, W)
        Any number of channels, any sides.
    latent_dim : int
    width : float
        Factor of the 256 and 128 maps.

    References
    ----------
    J. Brownlee, "How to develop a GAN to generate CIFAR10 small color photographs",
    Machine Learning Mastery, 2019.

    Examples
    --------
    >>> G = brownlee_generator((3, 32, 32))
    >>> sum(p.numel() for p in G.parameters())
    1466115
    >>> brownlee_generator((1, 28, 30), width=0.1)(torch.zeros(2, 100)).shape
    torch.Size([2, 1, 28, 30])
    """
    channels, *sides = image_shape
    start = [-(-side // 8) for side in sides]
    maps = [max(1, round(width * c)) for c in G_CHANNELS]
    layers: list[nn.Module] = [
        nn.Linear(latent_dim, maps[0] * start[0] * start[1]),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Unflatten(1, (maps[0], *start)),  # 32x32: (n, 256, 4, 4)
        ChannelsLast(),
    ]
    for width_in, width_out in pairwise(maps):  # 8x8, 16x16, 32x32
        layers += [
            Doubling(width_in, width_out),
            nn.LeakyReLU(0.2, inplace=True),
        ]
    layers += [nn.Conv2d(maps[-1], channels, 3, padding=1), nn.Tanh()]
    if any(side % 8 for side in sides):
        layers.append(nn.ZeroPad2d([-edge for edge in _edges(sides)]))  # crops
    return nn.Sequential(*layers)


def brownlee_discriminator(
    image_shape: Sequence[int], width: float = 1.0, n_outputs: int = 1
):
    """Brownlee's discriminator: (n, C, H, W) -> (n, n_outputs) logits.

    Four 3x3 convolutions of 64, 128, 128 and 256 maps, the last three with stride 2,
    LeakyReLU(0.2) after each, then dropout of 0.4 and a dense layer. At 3x32x32: 522,497
    weights. Sides that are no multiple of 8 get zeros around them. Brownlee ends with a
    sigmoid; logits are what the losses take. No layer mixes rows.

    Parameters
    ----------
    image_shape, width
        As in `brownlee_generator`.
    n_outputs : int
        More than one makes it a classifier.

    Examples
    --------
    >>> D = brownlee_discriminator((3, 32, 32))
    >>> sum(p.numel() for p in D.parameters())
    522497
    """
    channels, *sides = image_shape
    maps = [max(1, round(width * c)) for c in D_CHANNELS]
    layers: list[nn.Module] = [ChannelsLast()]
    if any(side % 8 for side in sides):
        layers.append(nn.ZeroPad2d(_edges(sides)))
    for i, (width_in, width_out) in enumerate(pairwise([channels, *maps])):
        stride = 2 if i else 1  # 32x32, 16x16, 8x8, 4x4
        layers += [
            nn.Conv2d(width_in, width_out, 3, stride=stride, padding=1),
            nn.LeakyReLU(0.2, inplace=True),
        ]
    height, width_ = (-(-side // 8) for side in sides)
    return nn.Sequential(
        *layers,
        nn.Flatten(),  # 32x32: (n, 4096)
        Dropout(0.4),
        nn.Linear(maps[-1] * height * width_, n_outputs),
    )


def _edges(sides):
    """What brings both sides to a multiple of 8: left, right, top, bottom."""
    missing = [-side % 8 for side in reversed(sides)]
    return [edge for total in missing for edge in (total // 2, total - total // 2)]


def keras_cnn(image_shape: Sequence[int], n_classes: int):
    """The network of Keras' CIFAR-10 example: (n, C, H, W) -> (n, n_classes) logits.

    Two blocks of two 3x3 convolutions (32, then 64 maps; zeros around the first of each
    block only), a maximum over 2x2 and dropout of 0.25; then a dense layer of 512 and
    dropout of 0.5. At 3x32x32 with 10 classes: 1,250,858 weights. The ReLU before each
    maximum stands behind it, where it gives the same numbers from a quarter of the work.

    Parameters
    ----------
    image_shape : (C, H, W)
        Sides of at least 10 pixels.
    n_classes : int

    Examples
    --------
    >>> sum(p.numel() for p in keras_cnn((3, 32, 32), 10).parameters())
    1250858
    """
    channels, *sides = image_shape
    layers: list[nn.Module] = [ChannelsLast()]
    for maps in (32, 64):
        layers += [
            nn.Conv2d(channels, maps, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(maps, maps, 3),
            nn.MaxPool2d(2),
            nn.ReLU(inplace=True),
            Dropout(0.25),
        ]
        channels, sides = maps, [(side - 2) // 2 for side in sides]
    return nn.Sequential(
        *layers,
        nn.Flatten(),  # 32x32: (n, 2304)
        nn.Linear(channels * sides[0] * sides[1], 512),
        nn.ReLU(inplace=True),
        Dropout(0.5),
        nn.Linear(512, n_classes),
    )


def layer_shapes(network: nn.Module, x: Tensor):
    """The layers of a sequence that have weights, or change the shape of what they are given.

    Parameters
    ----------
    network : Sequential
    x : Tensor of shape (n, ...)
        What to give to it.

    Returns
    -------
    DataFrame
        ``layer``, its class; ``gives``, the shape of what comes out, of one sample; and
        ``weights``, how many it has.
    """
    import pandas as pd

    rows = []
    for layer in network:
        before, x = x.shape, layer(x)
        n_weights = sum(p.numel() for p in layer.parameters())
        if isinstance(layer, nn.BatchNorm2d) or not (n_weights or x.shape != before):
            continue
        told = {"gives": tuple(x.shape[1:]), "weights": n_weights}
        rows.append({"layer": type(layer).__name__, **told})
    return pd.DataFrame(rows)
