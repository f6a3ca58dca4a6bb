"""What a transfer needs of networks: frozen first layers, and those of others checked."""

import torch
from torch import nn

from .. import layers


def layers_of(network, kind):
    """The layers of a kind, in their order."""
    return [layer for layer in network.modules() if isinstance(layer, kind)]


def last_layers(G, n_trainable):
    """The last convolutions of a generator; fully connected layers if it has none.

    Raises
    ------
    ValueError
        It has fewer.
    """
    what, layers = "convolutions", layers_of(G, nn.modules.conv._ConvNd)
    if not layers:
        what, layers = "fully connected layers", layers_of(G, nn.Linear)
    if n_trainable > len(layers):
        raise ValueError(
            f"n_trainable={n_trainable}, but the generator has {len(layers)} {what}; take "
            f"at most {len(layers)}, or None for all of the generator."
        )
    return layers[-n_trainable:]


def freeze_first_layers(G, n_trainable):
    """Freeze all before the last `n_trainable` convolutions; return the other weights.

    Batch normalisation among what is frozen keeps its statistics.
    """
    first, reached, learns = last_layers(G, n_trainable)[0], False, []
    for layer in G.modules():
        reached = reached or layer is first
        own = [*layer.parameters(recurse=False)]
        if reached:
            learns += own
            continue
        for parameter in own:
            parameter.requires_grad_(False)
        if isinstance(layer, nn.modules.batchnorm._NormBase):
            layer.eval()
    return learns


# ------------------------------------------------------------------ networks passed in


def refuse_misfit(name, initialise, takes, returns, batch_size):
    """Refuse a network that does not fit the rows, or another range than [-1, 1].

    Parameters
    ----------
    name : {"generator", "discriminator"}
    initialise : callable
        From a torch.Generator to the network with its first weights.
    takes, returns : tuple of int
        Shapes of a row before and behind it; the generator takes (latent_dim,).
    batch_size : int
    """
    draw = torch.Generator().manual_seed(0)
    try:
        network = initialise(draw).eval()
    except (RuntimeError, ValueError, TypeError) as error:
        raise ValueError(
            f"{name}: its weights cannot be drawn from random_state "
            f"({str(error).splitlines()[0]})"
        ) from error
    if batch_size == 1 and layers_of(network, nn.BatchNorm1d):
        raise ValueError(
            f"batch_size=1, but the {name} has a BatchNorm1d, which needs at least 2 rows; "
            "raise batch_size."
        )
    x = torch.rand((64, *takes), generator=draw) * 2 - 1
    try:
        with torch.no_grad():
            y = network(x)
            # Training may bring weights anywhere; large inputs show the bounds.
            far = network(1000 * x)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        cure = ""
        if name == "generator":
            cure = (
                " Noise has shape (n, latent_dim); put nn.Unflatten(1, "
                f"({takes[0]}, 1, 1)) in front where it wants maps."
            )
        raise ValueError(
            f"{name}: it does not take rows of shape {tuple(x.shape)} "
            f"({str(error).splitlines()[0]}).{cure}"
        ) from error
    right = y.numel() == 64 if name == "discriminator" else y.shape[1:] == returns
    if not right:
        raise ValueError(
            f"{name}: it makes {tuple(y.shape[1:])} of a row, and {returns} is needed; "
            "change its last layer."
        )
    if 0 <= far.min() < far.max() <= 1:
        raise ValueError(
            f"{name}: it ends in a sigmoid, or in something else between 0 and 1. Generated "
            "rows must span [-1, 1], as the real ones do: end a generator with nn.Tanh(). "
            "The losses take logits: leave a discriminator without."
        )
    if name == "generator":
        refuse_other_range(generated=torch.cat([y, far]))


def refuse_other_pretrained(pretrained, own, why):
    """Refuse networks of another majority that have not the shapes of a sampler's own.

    Parameters
    ----------
    pretrained : dict
        ``networks_`` of another sampler.
    own : dict
        State of the sampler's ``"generator"`` and ``"discriminator"``.
    why : str
        What their shapes follow from.
    """
    for kind, state in own.items():
        network = pretrained.get(f"{kind} majority")
        if not isinstance(network, nn.Module):
            found = {k: type(v).__name__ for k, v in pretrained.items()}
            raise ValueError(
                f"pretrained has no network '{kind} majority', only {found}; pass networks_ "
                "of an SMate that was fitted with transfer=True."
            )
        shapes, found = (
            {k: v.shape for k, v in weights.items()}
            for weights in (state, network.state_dict())
        )
        if shapes != found:
            raise ValueError(
                f"pretrained['{kind} majority'] has other layers than the {kind} of this "
                f"sampler, for {why}; they must be those that it was fitted with."
            )


def refuse_other_range(**rows):
    """Refuse rows outside [-1, 1]: real and generated ones must be on one scale.

    The evaluated images of the authors seem to have been on another than the real ones,
    which made them nearly black.
    """
    for what, x in rows.items():
        low, high = (bound.item() for bound in x.detach().float().aminmax())
        if not -1.001 < low <= high < 1.001:
            raise ValueError(
                f"Values of {what} rows lie between {low:.4g} and {high:.4g}, and those "
                "of real and generated ones must share the range [-1, 1]; let a generator "
                "end with nn.Tanh()."
            )


def with_own_dropout(network):
    """Put dropout that draws from our generator in the place of torch's."""
    for name, layer in [*network.named_modules()]:
        if type(layer) is nn.Dropout:
            network.set_submodule(name, layers.Dropout(layer.p))
        elif isinstance(layer, nn.modules.dropout._DropoutNd):
            raise ValueError(
                f"The layer {name!r} is {type(layer).__name__}, which draws from torch's "
                "global generator; take nn.Dropout, for which there is one that draws "
                "from random_state."
            )
    return network
