"""Are the minority images good? The measures of the image chapter, for one class."""

import functools
import time

import numpy as np

from ...provenance import computed_on
from ...quality import (
    altered,
    at_most,
    feature_network,
    fingerprint,
    halves,
    measured,
)
from ...store import Cell
from ._draw import PAPERS, draw, images
from ._figure_6 import CHAPTER, SMATES, resample
from ._generated import generated

QUALITY_PROTOCOL, COUNTS_QUALITY = "quality-2", "quality-3"
#: Updates of the network that judges.
FEATURE_STEPS = {"tenth": 400, "counts": 1200, "paper": 6000, "smoke": 4}
#: The arms of Figure 6 that make images, and other held-out ones in their place.
QUALITY_ARMS = [
    "feature_network",
    "real",
    "random_oversampling",
    "random_oversampling_augmented",
    "smote",
    "deep_smote",
    "smate_scratch",
    "smate",
    "smate_penalty",
    "smate_longer",
]
#: Protocols that ask how much hangs on who judges: networks of one recipe and other seeds.
JUDGES = {f"judge-{seed}": seed for seed in range(3)}
#: What they judge: images that are made in no time.
BEFORE_JUDGES = QUALITY_ARMS[1:5]


@functools.lru_cache(maxsize=1)
def fixed_network(dataset, profile, random_state=0):
    """It learns the official training images; the digits have none, and lend the draw's."""
    name = dataset.split("-")[0]
    bunch = images(name)
    if "partition" in bunch:
        learnt = bunch.partition == "train"
        X, y = bunch.data[learnt], bunch.target[learnt]
    else:
        drawn = draw(dataset, 0, profile)
        X, y = drawn.X_full, drawn.y_full
    return feature_network(
        f"{name}-official-{profile}",
        X,
        y,
        stem="cifar" if profile == "paper" else "imagenet",
        n_steps=FEATURE_STEPS[profile],
        random_state=random_state,
    )


def quality_cells(profile):
    """Every arm that makes images, on the paper's experiment.

    The network is the same for all draws, and real images hardly depend on them: once.
    """
    dataset = "digits-9-10" if profile == "smoke" else PAPERS
    n_draws, arms, protocol = 3, QUALITY_ARMS, QUALITY_PROTOCOL
    if profile == "smoke":
        n_draws = 1
    if profile == "counts":  # one draw of the arms that its table has
        n_draws, protocol = 1, COUNTS_QUALITY
        arms = [a for a in arms if a not in ("deep_smote", "smate_longer")]
    plan = [
        (protocol, seed, method)
        for seed in range(n_draws)
        for method in arms[2 * (seed > 0) :]
        if profile != "pilot"
    ]
    if profile == "tenth":
        plan += [
            (protocol, seed, method)
            for protocol in JUDGES
            for seed in range(n_draws)
            for method in BEFORE_JUDGES[seed > 0 :]
        ]
    return [
        Cell(CHAPTER, profile, dataset, method, seed, 0, protocol)
        for protocol, seed, method in plan
    ]


def run_quality(cell):
    """One row: what `helpers.quality.measured` says of an arm's minority images."""
    dataset, method, seed, profile = cell.dataset, cell.method, cell.seed, cell.profile
    drawn = draw(dataset, seed, profile)
    started = time.perf_counter()
    network = fixed_network(dataset, profile, JUDGES.get(cell.protocol, 0))
    trained = time.perf_counter() - started
    X, y = drawn.X_test, drawn.y_test
    n_made = np.bincount(drawn.y).max() - np.bincount(drawn.y).min()
    n = int(min(n_made, np.bincount(y).min() // 2))
    one, other = halves(np.arange(len(y)), y, n)
    real = X[one], y[one]
    row = {
        "provenance": drawn.provenance,
        "n_train": len(drawn.y),
        "n_minority": int((drawn.y == drawn.minority).sum()),
        "n_test": len(real[1]),
        **computed_on("float32"),
        "network": fingerprint(network),
    }
    if method == "feature_network":
        accuracy = float((network.predict(X) == y).mean())
        own = {"sampler_seconds": np.nan, "classifier_seconds": trained}
        return {**row, "accuracy": accuracy, **own}
    started, shared = time.perf_counter(), 0.0
    if method == "real":
        made = X[other][y[other] == drawn.minority]
    elif method in SMATES:
        made, _, shared = generated(method, dataset, seed, profile)
        started = time.perf_counter()
    else:
        made = resample(method, dataset, seed, profile)[0][len(drawn.y) :]
        if method == "random_oversampling_augmented":
            flip = not dataset.startswith("digits")
            # From outside comes black, as in `KerasCNNClassifier`.
            made = altered(made, 0.0, flip, seed)
    row |= {
        "n_synthetic": 0 if method == "real" else len(made),
        "sampler_seconds": shared + time.perf_counter() - started,
        "classifier_seconds": np.nan,
    }
    made = at_most(n, made, np.full(len(made), drawn.minority))
    return row | measured(real, made, (drawn.X, drawn.y), network)
