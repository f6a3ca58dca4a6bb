"""Are good images useful ones? Stored measures of images beside stored gains in recall."""

from typing import NamedTuple

import pandas as pd
from scipy import stats

from ...plotting import printed
from ...quality import SEEN, by_class, of_one_network, with_nearest
from .. import that_learnt
from ._claims import READING, agreement, by_chance, gains
from ._quality import QUALITY_ARMS, QUALITY_PROTOCOL
from ._table_1 import LOADERS, PROTOCOL

#: Measures that are held against the gain.
CANDIDATES = [*SEEN, "recognised", "synthetic_only", "pixel_density", "pixel_coverage"]


class Measured(NamedTuple):
    """Stored measures of images, and the accuracy of the networks that measured them."""

    rows: pd.DataFrame  #: a row an arm and data set, with ``nearest`` and ``copies``
    arms: list  #: in their order
    data_sets: list  #: in the order of the paper
    accuracy: pd.Series  #: of the fixed network of each data set

    def of(self, data_set):
        """Rows of one data set, indexed by arm."""
        own = self.rows[self.rows["dataset"] == data_set].set_index("method")
        return own.loc[[arm for arm in self.arms if arm in own.index]]

    def by_set(self, measure):
        """One measure, arm by data set."""
        table = self.rows.pivot_table(measure, "method", "dataset")
        table = table.reindex(self.arms)[self.data_sets]
        return table.rename_axis(columns=None, index=None)

    def accuracy_told(self) -> str:
        """Accuracy of each fixed network, in words."""
        told = self.accuracy.items()
        return ", ".join(f"{printed(name)} {a:.3f}" for name, a in told)

    def most_covering(self) -> list[str]:
        """Arms by the mean rank of their coverage over the data sets, the best first."""
        covered = self.rows.pivot_table("feature_coverage", "method", "dataset")
        ranks = covered.drop("real").rank(ascending=False).mean(axis=1)
        return [*ranks.sort_values().index]

    def coverage_told(self) -> str:
        """The two arms of the best coverage, and which arms were not judged on which set."""
        wanted, missing = [*QUALITY_ARMS[1:], READING], []
        for name in self.data_sets:
            there = {*self.rows.loc[self.rows["dataset"] == name, "method"]}
            absent = dict.fromkeys(printed(a) for a in wanted if a not in there)
            missing += [f"{printed(name)}: {', '.join(absent)}"] if absent else []
        first = " and ".join(map(printed, self.most_covering()[:2]))
        return (
            f"Coverage is highest, in the mean rank over the sets, for {first}. Not "
            f"judged: {'; '.join(missing) or 'none'}."
        )


def measured_images(stored) -> Measured:
    """What the fixed networks say of the images of all arms.

    Parameters
    ----------
    stored : DataFrame
        Stored rows of one profile, of any protocol.

    Raises
    ------
    ValueError
        No images are judged.
    """
    rows = stored[stored["protocol"] == QUALITY_PROTOCOL]
    networks = rows[rows["method"] == "feature_network"].set_index("dataset")
    rows = rows[rows["method"] != "feature_network"]
    order = [name for name in LOADERS if name in set(rows["dataset"])]
    if not order:
        raise ValueError(
            f"No images of profile {[*stored['profile'].unique()]} are judged; judge "
            "them with `python -m helpers run deep_smote`."
        )
    rows, _ = of_one_network(rows)
    arms = [arm for arm in QUALITY_ARMS if arm in set(rows["method"])]
    accuracy = networks["accuracy"].reindex(order)
    return Measured(with_nearest(rows), arms, order, accuracy)


def pixels_told(of_set) -> str:
    """Which images are densest between pixels, and what the fixed network says of them.

    Parameters
    ----------
    of_set : DataFrame
        One data set, as of ``Measured.of``.
    """
    pixel, feature = of_set["pixel_density"], of_set["feature_density"]
    dense = pixel.idxmax()
    return (
        f"Between pixels the densest images are those of {printed(dense)}, "
        f"{pixel[dense]:.2f} against {pixel['real']:.2f} of real ones; the fixed network "
        f"gives them {feature[dense]:.2f}."
    )


def good_and_useful(stored, level=0.95) -> pd.DataFrame:
    """Coverage of the real images and gain in recall, a row an arm and data set.

    Of the first draw, whose images were judged.

    Parameters
    ----------
    stored : DataFrame
        Stored rows of one profile, of any protocol.
    level : float in (0, 1)
        Of ``coverage_bar``, half an interval of the mean by Student's t from the spread
        over classes.

    Returns
    -------
    DataFrame
        ``dataset, method, gain, gain_bar`` as of `gains`, ``coverage, coverage_bar``.
    """
    places = []
    for name, own in measured_images(stored).rows.groupby("dataset"):
        coverages = by_class(own.set_index("method"), "feature_coverage")
        for arm, line in coverages.iterrows():
            line = line.dropna()
            bar = stats.t.ppf((1 + level) / 2, len(line) - 1) * line.sem()
            places.append((name, arm, line.mean(), bar))
    columns = ["dataset", "method", "coverage", "coverage_bar"]
    runs = that_learnt(stored[stored["protocol"] == PROTOCOL])
    found = gains(runs[runs["fold"] == 0])
    return found.merge(pd.DataFrame(places, columns=columns), on=columns[:2])


class Agreement(NamedTuple):
    """How far measures of images agree with the gain in recall."""

    table: pd.DataFrame  #: measure by data set, and the mean
    by_chance: float  #: probability that the nearest measure comes as near
    arms: pd.Series  #: by data set

    def told(self, names) -> str:
        """The nearest measure by its printed name, and what chance makes of it."""
        mean = self.table["mean"]
        nearest = mean.idxmax()
        return (
            f"Nearest to the gain is {names.get(nearest, nearest)}, {mean[nearest]:+.2f} "
            f"in the mean over the sets, of {self.arms.min()} to {self.arms.max()} "
            f"methods. With gains dealt anew the nearest of the {len(mean)} measures "
            f"comes as near with probability {self.by_chance:.3f}."
        )


def agreement_with_gain(points, images, least, random_state) -> Agreement:
    """Spearman's rank correlation of every measure with the gain, over the arms.

    The Frechet distance has its sign turned, so that 1 is full agreement throughout.

    Parameters
    ----------
    points : DataFrame
        What `good_and_useful` returns.
    images : Measured
    least : int
        Arms that a data set needs.
    random_state : int
        Of the deals of `by_chance`.
    """
    joint = points.merge(images.rows, on=["dataset", "method"])
    joint["feature_frechet"] = -joint["feature_frechet"]
    table = agreement(joint, CANDIDATES, least)
    table = table[[name for name in images.data_sets if name in table]]
    luck = by_chance(joint, CANDIDATES, least, random_state)
    arms = joint.groupby("dataset").size()
    return Agreement(table.assign(mean=table.mean(axis=1)), luck, arms)
