"""Small networks, shapes in comments. No training code, no weights drawn here."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn


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
