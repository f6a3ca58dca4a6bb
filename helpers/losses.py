"""Adversarial losses on logits: what discriminator and generator minimise."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LOSSES = ("gan", "lsgan", "wgan", "wgan-gp", "hinge", "dragan")
PENALTY_WEIGHT = 10.0  # lambda of WGAN-GP (section 4) and of DRAGAN (section 2.3)
CLIP = 0.01  # c of WGAN (algorithm 1)


def discriminator_loss(loss, discriminator, real, fake, generator) -> Tensor:
    """What the discriminator minimises on one batch of real and generated rows.

    Parameters
    ----------
    loss : str
        One of `LOSSES`. ``gan`` is the cross-entropy of [1]_; ``lsgan`` least squares
        [2]_; ``wgan`` the difference of means [3]_, to be followed by `clip_weights`;
        ``wgan-gp`` adds a gradient penalty between real and generated rows [4]_;
        ``hinge`` as in [5]_; ``dragan`` is ``gan`` with a gradient penalty beside the
        real rows [6]_ (halved, as the cross-entropy is), at points between a row and one that is up to half a standard
        deviation larger in each value, as the authors' code draws them.
    discriminator : callable
        Returns logits, shape ``(n, 1)``.
    real, fake : Tensor of shape (n, ...)
        As many real as generated rows; `fake` detached from its generator.
    generator : torch.Generator
        Draws the points at which a penalty is taken.

    References
    ----------
    .. [1] Goodfellow et al., "Generative adversarial nets", NeurIPS 2014.
    .. [2] Mao et al., "Least squares generative adversarial networks", ICCV 2017.
    .. [3] Arjovsky et al., "Wasserstein generative adversarial networks", ICML 2017.
    .. [4] Gulrajani et al., "Improved training of Wasserstein GANs", NeurIPS 2017.
    .. [5] Lim and Ye, "Geometric GAN", arXiv:1705.02894, 2017.
    .. [6] Kodali et al., "On convergence and stability of GANs", arXiv:1705.07215, 2017.
    """
    # One pass over both halves, as a batch of Keras would be. Batch norm, where a
    # discriminator has it, then sees both; none of the papers' discriminators has it.
    on_real, on_fake = discriminator(torch.cat([real, fake])).chunk(2)
    if loss in ("gan", "dragan"):
        value = (F.softplus(-on_real).mean() + F.softplus(on_fake).mean()) / 2
    elif loss == "lsgan":
        value = ((on_real - 1).square().mean() + on_fake.square().mean()) / 2
    elif loss == "hinge":
        value = F.relu(1 - on_real).mean() + F.relu(1 + on_fake).mean()
    elif loss in ("wgan", "wgan-gp"):
        value = on_fake.mean() - on_real.mean()
    else:
        raise ValueError(f"loss={loss!r} is unknown; take one of {', '.join(LOSSES)}.")

    if loss in ("wgan-gp", "dragan"):
        mix = torch.rand(
            real.shape if loss == "dragan" else (len(real), *[1] * (real.dim() - 1)),
            generator=generator,
            device=real.device,
        )
        if loss == "dragan":  # between a real row and one up to half a deviation away
            along = torch.rand(
                (len(real), *[1] * (real.dim() - 1)),
                generator=generator,
                device=real.device,
            )
            point = real + along * 0.5 * real.std(correction=0) * mix
        else:  # on the line from a real row to a generated one
            point = real + mix * (fake - real)
        point.requires_grad_(True)
        (slope,) = torch.autograd.grad(
            discriminator(point).sum(), point, create_graph=True
        )
        # Beside a cross-entropy that is the mean of its halves: DRAGAN's is their sum.
        weight = PENALTY_WEIGHT / 2 if loss == "dragan" else PENALTY_WEIGHT
        value = value + weight * (slope.flatten(1).norm(dim=1) - 1).square().mean()
    return value


def generator_loss(loss, on_fake: Tensor) -> Tensor:
    """What the generator minimises, given the discriminator's logits on its rows."""
    if loss in ("gan", "dragan"):
        return F.softplus(-on_fake).mean()
    if loss == "lsgan":
        return (on_fake - 1).square().mean() / 2
    return -on_fake.mean()


@torch.no_grad()
def clip_weights(discriminator: nn.Module) -> None:
    """Hold every weight within plus or minus `CLIP`, WGAN's way to a Lipschitz bound."""
    for parameter in discriminator.parameters():
        parameter.clamp_(-CLIP, CLIP)


def accuracies(loss, on_real, on_fake):
    """Shares of real and of generated rows that the discriminator judged rightly.

    "Real" is a logit above 0; above 1/2, midway between the targets, with least squares.
    A Wasserstein critic has no such level: there it is the mean of the batch.

    Parameters
    ----------
    loss : str
    on_real, on_fake : Tensor of shape (n, 1)
        Logits.
    """
    level = 0.5 if loss == "lsgan" else 0.0
    if loss in ("wgan", "wgan-gp"):
        level = (on_real.mean() + on_fake.mean()) / 2
    return {
        "real_accuracy": (on_real > level).float().mean(),
        "fake_accuracy": (on_fake <= level).float().mean(),
    }
