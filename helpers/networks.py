"""Small networks, shapes in comments. No training code, no weights drawn here."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def mlp(sizes: Sequence[int], activation: type[nn.Module] = nn.SELU) -> nn.Sequential:
    """A fully connected network, `activation` between its layers and none at its end.

    Parameters
    ----------
    sizes : sequence of int
        Width of the input, of every hidden layer, of the output.
    activation : Module class
        SELU where nothing else is asked for, as in the GAN tutorial (step 2c).

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
        layers += [nn.Linear(width_in, width_out), activation()]
    return nn.Sequential(*layers[:-1])


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
