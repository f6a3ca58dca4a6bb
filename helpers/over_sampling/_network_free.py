"""What the samplers without networks share: AMDO, MC-CCR and MC-RBO."""

import torch

from ._base import BaseDeepOverSampler

#: Most distances held at once: 16 MB, with their sorted copies some 100.
DISTANCES = 2**22


class NetworkFreeOverSampler(BaseDeepOverSampler):
    """Base class of the samplers that only measure distances.

    Nothing is trained, so there is no checkpoint to go on from and no network to build.
    """

    _parameter_constraints: dict = {
        name: BaseDeepOverSampler._parameter_constraints[name]
        for name in (
            "sampling_strategy",
            "image_shape",
            "value_range",
            "device",
            "random_state",
        )
    }
    checkpoint = None
    #: Class number to rows that the fit has made and `_generate` is to hand over.
    _made: dict = {}

    def _build(self, name):
        raise AssertionError("there are no networks")


def larger_first(held, wanted, generator, replacement=False):
    """Go through the classes from large to small, each with rows of the larger ones.

    The "sampling" scheme of MC-CCR and MC-RBO: the i-th class after the largest meets
    n / i rows of each of the i larger ones, n being the size of the largest. These have
    been filled before, so their generated rows take part. A largest class that is to be
    filled itself meets all the others.

    Parameters
    ----------
    held : dict of Tensor
        Class number to rows. Read anew at every step: fill it between the steps.
    wanted : dict
        Class number to the number of rows it needs; others are passed over.
    generator : torch.Generator
    replacement : bool, default=False
        Whether a row may be drawn twice.

    Yields
    ------
    code : int
        Class to be filled.
    larger : Tensor
        Rows of the larger classes.
    origin : list of (int, Tensor)
        Where they are from: class number and places in ``held[class number]``.
    """
    order = sorted(held, key=lambda code: -len(held[code]))
    most = len(held[order[0]])
    for place, code in enumerate(order):
        if code not in wanted:
            continue
        others = order[:place] or order[1:]
        origin = []
        for other in others:
            n, share = len(held[other]), max(1, most // len(others))
            if replacement:
                places = torch.randint(
                    n, (share,), generator=generator, device=generator.device
                )
            else:
                places = shuffled(n, generator)[:share]
            origin.append((other, places))
        yield code, torch.cat([held[other][places] for other, places in origin]), origin


def scale_of(distances, otherwise):
    """The median distance, or a constant where rows lie on top of each other."""
    median = float(distances.median())
    return median if median > 1e-6 else otherwise  # the precision of scaled data


def shuffled(n, generator):
    return torch.randperm(n, generator=generator, device=generator.device)
