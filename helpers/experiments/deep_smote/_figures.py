"""The figures of DeepSMOTE's pages, of stored rows.

Each draws a figure, leaves it open for `plt.show`, and returns what it says in words, for
those who do not see it (`helpers.display.alt`).
"""

import numpy as np
from matplotlib import pyplot as plt
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from ...evaluation import friedman_nemenyi
from ...plotting import critical_difference, legend_below, look, panels, printed
from ._claims import READING, n_images
from ._cost import cost_halves
from ._ratio import RATIO_ARMS
from ._tables import data_sets_of, mean_gains, sizes_of, whole_draws

#: Arms whose classes are looked at one by one.
BY_CLASS = ["nothing", "random_oversampling_augmented", "smote", READING]


def draw_gains(gains) -> str:
    """A panel per data set, a line per arm: the gain over doing nothing with its interval.

    Arms that some data set lacks stand below the others, which go by their mean gain.

    Parameters
    ----------
    gains : DataFrame
        What `gains` returns.
    """
    means, order = mean_gains(gains), data_sets_of(gains)
    some = [arm for arm in dict.fromkeys(gains["method"]) if arm not in means]
    arms = [*some, *means.index]
    figure, axes = plt.subplots(
        1, len(order), figsize=(11, 4.4), sharey=True, squeeze=False
    )
    for ax, name in zip(axes.flat, order, strict=True):
        of_set = gains[gains["dataset"] == name].set_index("method")
        for height, arm in enumerate(arms):
            if arm in of_set.index:
                gain, bar = of_set.loc[arm, ["gain", "gain_bar"]]
                ax.errorbar(gain, height, xerr=bar, lw=1, **look(arm))
        ax.axvline(0, color="0.5", lw=0.8, zorder=0)
        ax.set_title(printed(name))
    axes[0, 0].set_yticks(range(len(arms)), [*map(printed, arms)])
    figure.supxlabel("gain over doing nothing, points")
    shown = "Gain in mean recall over doing nothing, a panel per data set and a line per arm"
    if means.empty:
        return shown
    best, worst = means.index[-1], means.index[0]
    whole = f" of the {len(means)} arms that all sets have" if some else ""
    return (
        f"{shown}; in the mean {printed(best)} gains most{whole}, {means[best]:+.1f} "
        f"points, and {printed(worst)} least, {means[worst]:+.1f}"
    )


def draw_recall_by_class(rows) -> str:
    """A panel per data set: recall of each class against its number of training images.

    On the balanced test, in the mean over draws; bars are Wilson's 95 % intervals from
    the number of test images of all draws.

    Parameters
    ----------
    rows : DataFrame
        As of `complete`.
    """
    figure, axes = panels(data_sets_of(rows), sharey=True)
    draws, ends = whole_draws(rows), []
    for name, ax in axes.items():
        of_set = rows[rows["dataset"] == name]
        sizes = sizes_of(of_set.iloc[0])
        tests = 1 if name == "celeba" else draws[name]  # whose draws share one test
        n = n_images(of_set.iloc[0], "balanced_") * tests
        by_size = np.argsort(sizes)
        columns = [f"balanced_recall_{c}" for c in range(len(sizes))]
        for i, arm in enumerate(BY_CLASS):
            recall = of_set.loc[of_set["method"] == arm, columns].mean().to_numpy()
            low, high = proportion_confint(np.rint(recall * n), n, method="wilson")
            ends.append(recall[by_size[[0, -1]]])
            error = np.clip([recall - low, high - recall], 0, None)[:, by_size]
            at = sizes[by_size] * 1.06 ** (i - 1.5)
            style = {"ms": 4, "lw": 1, "ls": ""}  # classes differ in more than size
            ax.errorbar(at, recall[by_size], yerr=error, **style, **look(arm))
        ax.set(xscale="log", xlabel="training images", ylim=(0, 1))
    figure.supylabel("recall, balanced test")
    legend_below(figure)
    rarest, most = np.nanmean(ends, axis=0)
    return (
        "Recall of each class against its training images, a panel per data set: in the "
        f"mean {rarest:.2f} of the rarest class and {most:.2f} of the most frequent"
    )


def ranked(rows):
    """Mean recall on the balanced test by data set and arm, of arms that all sets have."""
    table = rows.groupby(["dataset", "method"])["balanced_acsa"].mean().unstack()
    return table.drop(columns="dummy").dropna(axis=1)


def ranks_told(table) -> str:
    """The best mean ranks of a table of `ranked`, or that there is nothing to rank over."""
    if len(table) < 2:
        return f"Complete on {len(table)} data set: nothing to rank over yet."
    return f"The best mean ranks of {table.shape[1]}: {_best_ranks(table)}."


def _best_ranks(table):
    ranks = table.rank(axis=1, ascending=False).mean().sort_values()
    return ", ".join(
        f"{printed(arm)} {rank:.1f}" for arm, rank in ranks.head(4).items()
    )


def draw_ranks(table) -> str:
    """Mean ranks on a line, with the critical difference; of a table of `ranked`."""
    _, ax = plt.subplots(figsize=(8, 3.6))
    critical_difference(friedman_nemenyi(table), ax)
    return (
        f"Mean ranks of {table.shape[1]} methods on a line; the best: "
        f"{_best_ranks(table)}"
    )


# ---------------------------------------------------------------- the appendix


def draw_ratios(rows, level=0.95) -> str:
    """Mean recall against the ratio of the largest class to the smallest, a line per arm.

    Parameters
    ----------
    rows : DataFrame
        What `by_ratio` returns.
    level : float in (0, 1)
        Of the intervals, which are from the size of the test alone.
    """
    _, ax = plt.subplots(figsize=(8, 3.8))
    for arm in [m for m in RATIO_ARMS if m in set(rows["method"])]:
        own = rows[rows["method"] == arm].sort_values("ratio")
        bars = 100 * stats.norm.ppf((1 + level) / 2) * own["error"]
        ax.errorbar(own["ratio"], 100 * own["balanced_acsa"], bars, **look(arm))
    at = sorted(set(rows["ratio"]))
    ax.set(xscale="log", xlabel="largest class / smallest class")
    ax.set_ylabel("mean recall, per cent")
    ax.set_xticks(at, at)
    ax.minorticks_off()
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    last = rows[rows["ratio"] == at[-1]].set_index("method")["balanced_acsa"]
    last = 100 * last.sort_values()
    return (
        f"Mean recall against the imbalance ratio, a line per method; at {at[-1]} "
        f"{printed(last.index[-1])} is highest, {last.iloc[-1]:.0f} per cent, and "
        f"{printed(last.index[0])} lowest, {last.iloc[0]:.0f}"
    )


def draw_cost(rows) -> str:
    """Seconds and memory against the number of images and of their pixels, four panels.

    Parameters
    ----------
    rows : DataFrame
        Stored rows of `COST_PROTOCOL`.
    """
    halves = cost_halves(rows)
    measures = {"sampler_seconds": "seconds of one core"}
    measures["peak_mebibytes"] = "MiB above the start"
    figure, axes = plt.subplots(2, 2, figsize=(10, 6), sharex="col", sharey="row")
    for column, (against, part) in zip(axes.T, halves.items(), strict=True):
        for name, own in part.groupby("method", sort=False):
            own = own.sort_values(against)
            for ax, measure in zip(column, measures, strict=True):
                values = own[measure].where(own[measure] > 0)
                ax.plot(own[against], values, **look(name))
        sizes = sorted({*part[against].astype(int)})
        for ax in column:
            ax.set(xscale="log", yscale="log")
            ax.set_xticks(sizes, sizes)
            ax.minorticks_off()
        column[1].set_xlabel(against)
    for ax, label in zip(axes[:, 0], measures.values(), strict=True):
        ax.set_ylabel(label)
    legend_below(figure)
    most = halves["images"]
    most = most[most["images"] == most["images"].max()].set_index("method")
    most = most["sampler_seconds"].dropna().sort_values()
    told = [f"{printed(m)} {most[m]:.2g} s" for m in most.index[[0, -1]]]
    return (
        "Seconds and memory by images and pixels; fastest and slowest at most images: "
        + ", ".join(told)
    )


# ---------------------------------------------------------------- images


def draw_good_or_useful(points, data_sets) -> str:
    """Coverage of the real images against the gain in recall, a panel per data set.

    Parameters
    ----------
    points : DataFrame
        What `good_and_useful` returns.
    data_sets : sequence of str
    """
    told = []
    figure, axes = panels(data_sets, size=(3.2, 3.2))
    for name, ax in axes.items():
        marks = points[points["dataset"] == name].set_index("method")
        covers, gains = (printed(marks[m].idxmax()) for m in ("coverage", "gain"))
        told.append(f"{printed(name)}: {covers} covers most, {gains} gains most")
        for arm, at in marks.iterrows():
            bars = at["gain_bar"], at["coverage_bar"]
            ax.errorbar(at["coverage"], at["gain"], *bars, ls="", lw=0.8, **look(arm))
        ax.axhline(0, color="0.5", lw=0.8, zorder=0)
        ax.set(xlabel="coverage", xlim=(0, 1))
    figure.supylabel("gain over nothing, points")
    legend_below(figure)
    return f"Coverage against gain in recall. {'; '.join(told)}"
