"""What BAGAN and GAMO share."""

import torch

from .. import training
from ..checks import AT_LEAST_TWO, POSITIVE_INT, POSITIVE_REAL
from ._base import BaseDeepOverSampler
from ._codec import MIN_SIDE

#: Adam's, from the authors' code, in BAGAN and in GAMO.
BETAS = 0.5, 0.999


class TwoPhaseOverSampler(BaseDeepOverSampler):
    """Base class of the samplers that train an autoencoder first, then play a game.

    ``autoencoder_steps`` updates, else ``autoencoder_epochs``, else as many as the game
    has. The history has one row per update and player.
    """

    _parameter_constraints: dict = {
        **BaseDeepOverSampler._parameter_constraints,
        "n_steps": [POSITIVE_INT, None],
        "autoencoder_epochs": [POSITIVE_INT, None],
        "autoencoder_steps": [POSITIVE_INT, None],
        "batch_size": [AT_LEAST_TWO],
        "width": [POSITIVE_REAL],
    }
    _min_side = MIN_SIDE
    _first_weights = "glorot"  # as in Keras, in which both codes are

    def _adam(self, *players):
        weights = [p for player in players for p in player.parameters()]
        return torch.optim.Adam(weights, lr=self.lr, betas=BETAS, fused=True)

    def _phase(self, step, phase, before, state, generator, checkpoint):
        """Train, and return the losses of all players, one below the other.

        Parameters
        ----------
        step : callable
            As in `helpers.training.train`; its values are named after the players.
        phase : str
        before : int
            Updates of the phases before, from which the steps are counted on.
        state : dict
            With the entry ``"batches"``.
        """
        per_epoch = state["batches"].per_epoch
        n_steps = self.n_steps or self.epochs * per_epoch
        if phase == "autoencoder":
            epochs = self.autoencoder_epochs
            n_steps = self.autoencoder_steps or (epochs or 0) * per_epoch or n_steps
        history = training.train(
            step,
            n_steps,
            state=state,
            generator=generator,
            checkpoint=checkpoint,
            stage=phase,
            verbose=self.verbose,
        )
        history["step"] += before
        players = history.melt("step", var_name="player", value_name="loss")
        players.insert(0, "phase", phase)
        players.insert(0, "label", "all")
        return players.sort_values("step", kind="stable", ignore_index=True)
