"""What the page of the method measures and draws of its own, short trainings."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.metrics import pairwise_distances

from ...over_sampling import MC_CCR, MC_RBO
from ...plotting import embedding, legend_below, printed

#: Images of a group on a map, and of a class in a mean of distances.
N_MAPPED, N_SPREAD = 120, 300


def draw_losses(samplers, names) -> None:
    """Losses over updates, as moving means over ten: of all classes, and the penalty.

    Parameters
    ----------
    samplers : dict of str to DeepSMOTE
        Fitted, by their ``penalty``.
    names : dict of str to str
        Printed names of up to three penalties.
    """
    _, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True)
    columns = {"reconstruction_loss": "on all classes", "penalty": "penalty, one class"}
    for ax, (column, title) in zip(axes, columns.items(), strict=True):
        for style, (penalty, name) in zip(("-", "--", ":"), names.items(), strict=True):
            if column == "penalty" and penalty == "none":
                continue
            losses = samplers[penalty].history_.set_index("step")[column]
            ax.plot(losses.rolling(10, 1).mean(), style, label=name)
        ax.set(title=title, xlabel="update", yscale="log")
    axes[0].set_ylabel("mean square error")
    axes[0].legend(title="penalty", frameon=False)


def last_losses(samplers) -> pd.DataFrame:
    """Both losses in the mean of the last ten updates, a row per sampler.

    Parameters
    ----------
    samplers : dict of str to DeepSMOTE
        Fitted.
    """
    columns = {"reconstruction_loss": "reconstruction", "penalty": "penalty"}
    found = {
        name: sampler.history_[[*columns]].tail(10).mean()
        for name, sampler in samplers.items()
    }
    return pd.DataFrame(found).T.rename(columns=columns)


def variety(real, made) -> pd.Series:
    """How varied generated images are, and how far from the real ones they lie.

    Distances are between pixels, in units of the mean distance between real images of the
    class; of at most `N_SPREAD` images of each.

    Parameters
    ----------
    real, made : (X, y) each
        Training images, and generated ones of the classes that were filled.

    Returns
    -------
    Series
        Means over the classes of `made`: ``spread``, the mean distance between generated
        images, 1 where they are as varied as real ones; ``distance to nearest``, to the
        nearest training image.
    """
    rows = []
    for c in np.unique(made[1]):
        own, new = (
            images[labels == c]
            .reshape((labels == c).sum(), -1)[:N_SPREAD]
            .astype(float)
            for images, labels in (real, made)
        )
        unit = _mean_distance(own)
        nearest = pairwise_distances(new, own).min(axis=1).mean()
        rows.append(
            {
                "spread": _mean_distance(new) / unit,
                "distance to nearest": nearest / unit,
            }
        )
    return pd.DataFrame(rows).mean()


def _mean_distance(flat):
    return pairwise_distances(flat).sum() / (len(flat) * (len(flat) - 1))


def draw_maps(real, made, kinds, classes, random_state) -> None:
    """Real images of two classes and generated ones of the second, on flat maps.

    As principal components above and by t-SNE below, a column per sampler; each map is of
    all samplers' images together.

    Parameters
    ----------
    real : (X, y)
        Images that no sampler has seen, uint8.
    made : dict of str to (X, y)
        Generated images by sampler.
    kinds : dict of str to str
        Printed names of the samplers.
    classes : dict of str to int
        Printed name and number of a frequent class and of a rarer one.
    random_state : int
    """
    numbers = [*classes.values()]
    groups = [real[0][real[1] == c][:N_MAPPED] for c in numbers]
    groups += [made[key][0][made[key][1] == numbers[1]][:N_MAPPED] for key in kinds]
    group = np.repeat(np.arange(len(groups)), [len(images) for images in groups])
    stacked = np.concatenate(groups).reshape(len(group), -1) / 255
    maps = {"PCA": PCA(2, random_state=random_state)}
    maps["t-SNE"] = TSNE(init="pca", random_state=random_state)
    figure, axes = plt.subplots(2, len(kinds), figsize=(11, 5.5))
    for row, (kind, map_) in zip(axes, maps.items(), strict=True):
        points = map_.fit_transform(stacked)
        for k, (ax, name) in enumerate(zip(row, kinds.values(), strict=True), start=2):
            kept = (group < 2) | (group == k)
            embedding(points[kept], group[kept] > 0, group[kept] > 1, [*classes], ax)
            ax.set_title(name if kind == "PCA" else "", fontsize="medium")
        row[0].set_ylabel(kind)
    legend_below(figure, 3)


def constants_tried(X, y, random_state) -> pd.DataFrame:
    """What MC-CCR and MC-RBO do to images at their published constants, and at ours.

    Parameters
    ----------
    X : array of uint8, shape (n, C, H, W)
    y : array of int, shape (n,)
    random_state : int

    Returns
    -------
    DataFrame
        By method and constants, of every tenth new image and in the median: the Manhattan
        distance to the nearest original, in units of a whole pixel, and the largest change
        of a pixel from the original that is nearest by Euclid, of 255.
    """
    common = {"value_range": (0, 255), "device": "cpu", "random_state": random_state}
    old = X.reshape(len(X), -1).astype(int)
    found = {}
    for cls in (MC_CCR, MC_RBO):
        for preset in ("authors_code", "paper"):  # "paper" is our default
            images, _ = cls.preset(preset, **common).fit_resample(X, y)
            new = images[len(X) :].reshape(len(images) - len(X), -1).astype(int)[::10]
            moved = pairwise_distances(new, old, "manhattan").min(axis=1) / 255
            closest = old[pairwise_distances(new, old).argmin(axis=1)]
            key = "published constants" if preset == "authors_code" else "from the data"
            found[printed(cls.__name__.lower()), key] = {
                "distance to the nearest original": np.median(moved),
                "largest change of a pixel, of 255": np.median(
                    np.abs(new - closest).max(axis=1)
                ),
            }
    return pd.DataFrame(found).T


def distance_to_others(X, y, label) -> float:
    """Median Manhattan distance of a class's images to the nearest of another class.

    In units of a whole pixel.
    """
    own, other = (
        X[kept].reshape(-1, X[0].size) / 255 for kept in (y == label, y != label)
    )
    return float(np.median(pairwise_distances(own, other, "manhattan").min(axis=1)))


def two_of_each(images, labels, classes, generator) -> np.ndarray:
    """Two images of each class, drawn at random, as floats."""
    chosen = [
        generator.choice(np.flatnonzero(labels == c), 2, replace=False) for c in classes
    ]
    return images[np.concatenate(chosen)].astype(float)
