"""The classifier of GAN-SMOTE's paper, which can be read after any of its epochs."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import train_test_split
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

from .. import training
from ..networks import mlp

#: The classifier of section 2.4: 100 hidden units, cross-entropy, SGD, initial weights
#: fixed. Activation, learning rate, the full batch and the longest training are ours: the
#: paper has none of them.
HIDDEN, LEARNING_RATE, MAX_EPOCHS = 100, 0.5, 300


class PaperNetwork(ClassifierMixin, BaseEstimator):
    """Section 2.4's network, which can be read after any of its epochs.

    A batch is the whole set, so that no arm gets more updates than another. It answers as
    it was after the number of epochs that was best on a validation part: 15 % of the real
    rows, for a network fitted on the other 85 %.

    Parameters
    ----------
    n_real : int, optional
        How many rows, the first ones, are those of the training part as they are; all of
        them by default.
    class_weight : "balanced" or None

    Attributes
    ----------
    honest_epoch_ : int
        The number of epochs it answers after.
    """

    def __init__(self, n_real=None, class_weight=None):
        self.n_real = n_real
        self.class_weight = class_weight

    def fit(self, X, y):
        n_real = len(y) if self.n_real is None else self.n_real
        self.classes_ = np.unique(y[:n_real])
        inner, validation = train_test_split(
            np.arange(n_real), test_size=0.15, stratify=y[:n_real], random_state=0
        )
        self._train(X[inner], y[inner])
        course = self.course(X[validation])
        right = course[:, np.arange(len(validation)), y[validation]]
        # The lowest cross-entropy.
        self.honest_epoch_ = int(np.log(right).mean(axis=1).argmax()) + 1
        self._train(X, y)
        return self

    def _train(self, X, y):
        X, target, weight = (
            torch.as_tensor(X, dtype=torch.float32),
            torch.as_tensor(y),
            None,
        )
        n_classes = len(self.classes_)
        if self.class_weight is not None:
            weight = compute_class_weight(
                self.class_weight, classes=np.arange(n_classes), y=y
            )
            weight = torch.as_tensor(weight, dtype=torch.float32)
        network = self.network_ = training.initialise(
            lambda: mlp([X.shape[1], HIDDEN, n_classes], nn.ReLU),
            training.make_generator(0, torch.device("cpu")),
        )
        optimiser = torch.optim.SGD(network.parameters(), lr=LEARNING_RATE)
        self.states_ = []
        for _ in range(MAX_EPOCHS):
            optimiser.zero_grad()
            F.cross_entropy(network(X), target, weight).backward()
            optimiser.step()
            state = network.state_dict()
            self.states_.append({name: t.clone() for name, t in state.items()})

    @torch.no_grad()
    def _after(self, epoch, X):
        self.network_.load_state_dict(self.states_[epoch - 1])
        return (
            self.network_(torch.as_tensor(X, dtype=torch.float32)).double().softmax(1)
        )

    def course(self, X):
        """Probabilities after every epoch, shape (MAX_EPOCHS, n, K)."""
        epochs = range(1, len(self.states_) + 1)
        return torch.stack([self._after(epoch, X) for epoch in epochs]).numpy()

    def predict_proba(self, X):
        return self._after(self.honest_epoch_, X).numpy()

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def best_epoch(network, X_test, y_test):
    """The paper's reading of a `PaperNetwork`, which looks at the test part.

    Returns
    -------
    row : dict
        ``accuracy_best_epoch``, the highest accuracy that any epoch reached on the test
        part, which is how the paper's "mean of the maximum" reads; ``best_epoch``, the
        first such; ``honest_epoch``.
    """
    accuracies = (network.course(X_test).argmax(axis=2) == y_test).mean(axis=1)
    return {
        "accuracy_best_epoch": float(accuracies.max()),
        "best_epoch": int(accuracies.argmax()) + 1,
        "honest_epoch": network.honest_epoch_,
    }
