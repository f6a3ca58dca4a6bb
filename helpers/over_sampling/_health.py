"""Is a GAN in good health? Its discriminator's accuracy, and how varied its rows are."""

import warnings

import torch

from .. import training

#: Updates of a window over which the discriminator's accuracy is judged, windows that
#: must agree before a phase ends early, and how near to one half is near.
WINDOW, PATIENCE, TOLERANCE = 100, 3, 0.1
#: Rows of a class, real and new, whose variety is compared.
JUDGED = 200
#: The least variety of a GAN in good health.
LEAST = 0.1


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
