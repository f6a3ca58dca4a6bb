"""Is a GAN in good health? Its discriminator's accuracy, and how varied its rows are."""

import math
import warnings

import torch

from .. import training

#: Updates of a window over which the discriminator's accuracy is judged, windows that
#: must agree before a phase ends early, and how near to one half is near.
WINDOW, PATIENCE, TOLERANCE = 100, 3, 0.1
#: Rows of a class, real and new, whose variety is compared; and the least of it that is
#: no collapse. On BCW, petrography, moons and digits it was 0.15 to 2.7 for GANs of this
#: package that had learnt, and at most 0.06 for such as stood at their start or made the
#: same image again and again.
JUDGED, LEAST = 200, 0.1


def stuck_at(history):
    """0.5 or 1.0 if an accuracy was exactly that in the whole last window, else None.

    The accuracy on the whole batch, real and generated, or that on the generated rows.

    Parameters
    ----------
    history : mapping of str to Tensor or Series
        With ``real_accuracy`` and ``fake_accuracy``, one value per update.
    """
    real, fake = (history[f"{rows}_accuracy"][-WINDOW:] for rows in ("real", "fake"))
    if len(fake) < WINDOW:
        return None
    for value in (0.5, 1.0):
        if bool(((real + fake) / 2 == value).all() or (fake == value).all()):
            return value
    return None


def settled(history):
    """Whether the accuracy on generated rows has stayed near one half.

    As a `stop` for `helpers.training.train`: its means over the last three windows of 100
    updates are all within 0.1 of 0.5, and it is not stuck.
    """
    last = history["fake_accuracy"][-PATIENCE * WINDOW :]
    if len(last) < PATIENCE * WINDOW or stuck_at(history) is not None:
        return False
    means = last.view(PATIENCE, WINDOW).mean(dim=1)
    return bool(((means - 0.5).abs() <= TOLERANCE).all())


def warn_of_stuck(label, value):
    """Say what an accuracy that `stuck_at` found means."""
    why = {
        0.5: "it gives real and generated rows the same answer",
        1.0: "it recognises every generated row",
    }[value]
    warnings.warn(
        f"The GAN of {label!r} has collapsed: the discriminator's accuracy was exactly "
        f"{value} in the last {WINDOW} updates, since {why}, and the generator has nothing "
        "to learn from. Lower lr, train for fewer epochs, or take another loss.",
        stacklevel=3,
    )


def variety(made, real):
    """How far new rows are from the nearest other one, as a share of that of real rows.

    It sees what the discriminator's accuracy does not: a generator that makes the same row
    again and again, or few different ones.

    Parameters
    ----------
    made : Tensor of shape (k, n, ...)
        New rows in groups of as many as there are real ones, since the nearest of more
        rows is nearer.
    real : Tensor of shape (n, ...), n >= 2

    Returns
    -------
    float
        0 where all new rows are the same, about 1 where they differ as real ones do. NaN
        where real rows do not.

    Examples
    --------
    >>> import torch
    >>> real = torch.tensor([[0.0], [1.0], [3.0]])
    >>> variety(torch.stack([real / 2, real[[1, 1, 1]]]), real)
    0.25
    """

    def nearest(groups):
        rows = groups.float().flatten(2)
        apart = torch.cdist(
            rows, rows, compute_mode="donot_use_mm_for_euclid_dist"
        )  # which is exact for rows that are alike
        apart.diagonal(dim1=1, dim2=2).fill_(torch.inf)
        return apart.amin(2).mean().item()

    least = nearest(real[None])
    return nearest(made) / least if least else math.nan


def judge_variety(sampler, real):
    """Keep the `variety` of each class in ``variety_`` of a trained sampler; warn of little.

    The rows that are judged come from a generator of their own, so that those of the fit
    are what they would be without.

    Parameters
    ----------
    sampler : BaseDeepOverSampler
        With its networks trained.
    real : dict of int to Tensor
        Class number to its rows, as the sampler scales them.
    """
    sampler.variety_ = {}
    for network in sampler.networks_.values():
        network.eval()
    for code, rows in real.items():
        chance = training.make_generator(0, rows.device)
        n = min(len(rows), JUDGED)
        order = torch.randperm(len(rows), generator=chance, device=rows.device)
        with torch.no_grad():
            made = sampler._generate(code, JUDGED // n * n, chance)
        found = variety(made.reshape(-1, n, *made.shape[1:]), rows[order[:n]])
        sampler.variety_[sampler.classes_.tolist()[code]] = found
    if few := {c: v for c, v in sampler.variety_.items() if v < LEAST}:
        listed = ", ".join(f"{v:.2g} in class {c!r}" for c, v in few.items())
        warnings.warn(
            f"The generator has collapsed, or hardly begun to learn: new rows differ from "
            f"the nearest other one by little of what real rows do ({listed}; {LEAST} is the "
            "least, see variety_). Train for more epochs if its losses still move; else "
            "lower lr, or take another loss.",
            stacklevel=3,
        )
