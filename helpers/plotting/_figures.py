"""Methods as they are called and marked, and the figures that chapters share."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from sklearn.calibration import calibration_curve

COLOURS = {
    "grey": "#7F7F7F",
    "blue": "#0072B2",
    "orange": "#D55E00",
    "green": "#009E73",
    "yellow": "#E69F00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "black": "#000000",
}

#: Give it to ``plt.rcParams.update`` or ``plt.rc_context``.
STYLE = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": plt.cycler(color=[*COLOURS.values()][1:]),
}


class Look(NamedTuple):
    """How a method is shown."""

    name: str  #: in print
    colour: str  #: one of `COLOURS`
    mark: str  #: no other method has both


#: Every method of the stored tables: variants of one share its colour and differ in mark.
METHODS = {
    "dummy": Look("dummy", "grey", "x"),
    "real": Look("real ones", "grey", "*"),
    "full": Look("the full set", "grey", "P"),
    "nothing": Look("nothing", "black", "o"),
    "nothing_augmented": Look("nothing, augmented", "black", "s"),
    "nothing_longer": Look("nothing, longer", "black", "^"),
    "class_weight": Look("class weights", "yellow", "v"),
    "threshold": Look("tuned threshold", "yellow", "<"),
    "threshold_at_share": Look("threshold at share", "yellow", "p"),
    "logit_adjustment": Look("logit adjustment", "yellow", ">"),
    "samme": Look("SAMME", "yellow", "P"),
    "random_undersampling": Look("random undersampling", "sky", "v"),
    "random_oversampling": Look("random oversampling", "sky", "s"),
    "random_oversampling_augmented": Look("augmented copies", "sky", "D"),
    "noise": Look("copies with noise", "sky", "^"),
    "mixup": Look("mixup", "sky", "X"),
    "smote": Look("SMOTE", "green", "^"),
    "smoten": Look("SMOTEN", "green", ">"),
    "borderline_smote": Look("Borderline-SMOTE", "green", "d"),
    "adasyn": Look("ADASYN", "green", "<"),
    "amdo": Look("MDO's step", "green", "v"),
    "mc_ccr": Look("MC-CCR", "green", "p"),
    "mc_rbo": Look("MC-RBO", "green", "+"),
    "bagan": Look("BAGAN", "purple", "d"),
    "gamo": Look("GAMO", "purple", "<"),
    "gan": Look("GAN", "purple", "D"),
    "gan_authors_code": Look("GAN, authors' code", "purple", "s"),
    "gan_100_epochs": Look("GAN, 100 epochs", "purple", "^"),
    "gan_1000_epochs": Look("GAN, 1,000 epochs", "purple", "v"),
    "wgan_gp": Look("WGAN-GP", "purple", "X"),
    "wgan_gp_1000_epochs": Look("WGAN-GP, 1,000 epochs", "purple", ">"),
    "smate_scratch": Look("GAN from scratch", "purple", "o"),
    "smate_scale_bug": Look("GAN from scratch, scale bug", "purple", "*"),
    "smate": Look("SMate", "blue", "D"),
    "smate_penalty": Look("SMate, penalty", "blue", "P"),
    "smate_longer": Look("SMate, longer", "blue", "*"),
    "ctgan": Look("CTGAN", "blue", "v"),
    "tab_ddpm": Look("TabDDPM", "blue", "^"),
    "deep_smote": Look("DeepSMOTE", "orange", "X"),
    "deep_smote_authors_code": Look("DeepSMOTE, authors' code", "orange", "*"),
    "deep_smote_no_penalty": Look("DeepSMOTE, no penalty", "orange", "P"),
    "gan_smote": Look("GAN-SMOTE", "orange", "D"),
    "gan_smote_authors_code": Look("GAN-SMOTE, authors' code", "orange", "s"),
    "gan_smote_group_argmax": Look("GAN-SMOTE, one per group", "orange", "o"),
    "gan_smote_no_blur": Look("GAN-SMOTE, no blur", "orange", "v"),
    "gan_smote_no_flips": Look("GAN-SMOTE, no flips", "orange", "<"),
    "gan_smote_no_restarts": Look("GAN-SMOTE, no restarts", "orange", ">"),
    "gan_smote_no_l1": Look("GAN-SMOTE, no L1", "orange", "p"),
    "gan_smote_no_dropout": Look("GAN-SMOTE, no dropout", "orange", "h"),
}
#: Data sets in print.
DATA = {
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
    "svhn": "SVHN",
    "celeba": "CelebA",
}
_BY_NAME = {look.name: look for look in METHODS.values()}


def printed(name) -> str:
    """How a method or a data set of the stored tables is printed; other names as they are.

    Examples
    --------
    >>> printed("deep_smote_no_penalty"), printed("cifar10"), printed("balanced_acsa")
    ('DeepSMOTE, no penalty', 'CIFAR-10', 'balanced_acsa')
    """
    return METHODS[name].name if name in METHODS else DATA.get(name, name)


def as_is(name) -> str:
    """A name that comes with data, for a figure: no formula, and never left out."""
    text = str(name).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text  # legends pass over these


def named(table):
    """A table whose rows and columns name methods and data sets as they are printed.

    Parameters
    ----------
    table : DataFrame or Series
        Levels of an index are looked at one by one.
    """
    if isinstance(table, pd.Series):
        return table.rename(index=printed)
    return table.rename(index=printed, columns=printed)


def look(method) -> dict:
    """Colour, mark and label of a method, as matplotlib's functions take them.

    Parameters
    ----------
    method : str
        A name of the stored tables, or a printed one.

    Raises
    ------
    ValueError
        A method that `METHODS` does not have.
    """
    if (found := METHODS.get(method) or _BY_NAME.get(method)) is None:
        raise ValueError(
            f"No look for the method {method!r}; give it a line in plotting.METHODS."
        )
    return {
        "color": COLOURS[found.colour],
        "marker": found.mark,
        "label": found.name,
    }


def panels(titles, ncols=3, size=(3.2, 2.9), **options):
    """A figure with a panel for each title, in lines of at most `ncols`.

    Parameters
    ----------
    titles : sequence of str
    ncols : int
    size : (float, float)
        Width and height of a panel in inches.
    options
        Of ``plt.subplots``, such as ``sharey``.

    Returns
    -------
    figure : Figure
    axes : dict of str to Axes
    """
    titles = [*titles]
    ncols = max(1, min(ncols, len(titles)))
    nrows = max(1, -(-len(titles) // ncols))
    whole = (size[0] * ncols, size[1] * nrows + 0.5)  # a legend stands below
    figure, grid = plt.subplots(nrows, ncols, figsize=whole, squeeze=False, **options)
    for ax in grid.flat[len(titles) :]:
        ax.set_axis_off()
    axes = dict(zip(titles, grid.flat, strict=False))
    for title, ax in axes.items():
        ax.set_title(as_is(printed(title)))
    return figure, axes


def legend_below(figure, ncols=4, **options) -> None:
    """One legend for all panels below them: what several panels show stands there once.

    Of figures without a ``supxlabel``, which matplotlib would put into the legend.
    """
    handles = {}
    for ax in figure.axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    place = {"loc": "outside lower center", "frameon": False, "ncols": ncols}
    figure.legend([*handles.values()], [*handles], **place | options)


_KINDS = {  # class number, generated or not: marker, colour, z-order
    (0, False): ("o", COLOURS["sky"], 1),
    (0, True): ("D", COLOURS["blue"], 3),
    (1, False): ("^", COLOURS["orange"], 2),
    (1, True): ("s", COLOURS["black"], 3),
}


def embedding(points, y, synthetic, names, ax: Axes, title="") -> Axes:
    """Scatter a two-dimensional map: both classes, and generated points as open signs.

    Parameters
    ----------
    points : array of shape (n, 2)
        What t-SNE or PCA made of the rows.
    y : array of int, shape (n,)
        0 or 1.
    synthetic : array of bool, shape (n,)
        True where the row was generated.
    names : sequence of two str
        Class names.

    Raises
    ------
    ValueError
        Other labels than 0 and 1.
    """
    if others := {*np.unique(y).tolist()} - {0, 1}:
        raise ValueError(f"y has {min(others)!r}; number the two classes 0 and 1.")
    for (number, generated), (marker, colour, order) in _KINDS.items():
        chosen = (y == number) & (synthetic == generated)
        if chosen.any():
            ax.scatter(
                *points[chosen].T,
                s=22,
                marker=marker,
                facecolors="none" if generated else colour,
                edgecolors=colour,
                linewidths=0.9 if generated else 0,
                alpha=0.9 if generated else 0.7,
                zorder=order,
                label=as_is(names[number]) + ", generated" * generated,
            )
    ax.set(title=as_is(title), xticks=[], yticks=[])
    return ax


def marginals(samples: dict[str, np.ndarray], columns: dict[str, int], axes) -> None:
    """Densities of single columns, one line per sample; the first is drawn filled.

    Parameters
    ----------
    samples : dict of str to array of shape (n, d)
        Real rows first, then generated ones.
    columns : dict of str to int
        Column names and numbers, one per axis.
    axes : sequence of Axes
    """
    styles = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))]
    for ax, (name, column) in zip(axes, columns.items(), strict=True):
        for i, (label, rows) in enumerate(samples.items()):
            sns.kdeplot(
                x=rows[:, column],
                ax=ax,
                label=as_is(label),
                cut=0,
                color=[*COLOURS.values()][i],
                fill=i == 0,
                alpha=0.35 if i == 0 else 1,
                linestyle=styles[i % len(styles)],
                linewidth=1.8,
                warn_singular=False,
            )
        ax.set(xlabel=as_is(name), ylabel="", yticks=[])
    axes[0].set_ylabel("density")


def differences(tables: dict[str, pd.DataFrame], axes, alpha=0.05) -> None:
    """Differences from a reference with their intervals, a panel per metric.

    Parameters
    ----------
    tables : dict of str to DataFrame
        Title to table of `helpers.evaluation.compare`, rows in the same order.
    axes : sequence of Axes
    alpha : float
        Below which a corrected p makes a filled diamond.
    """
    for ax, (title, table) in zip(axes, tables.items(), strict=True):
        rows = np.arange(len(table))[::-1]
        clear = (table["p_holm"] < alpha).to_numpy()
        ax.axvline(0, color=COLOURS["grey"], linewidth=1)
        for kind, colour, face in ((clear, "orange", True), (~clear, "blue", False)):
            part = table[kind]
            ax.errorbar(
                part["difference"],
                rows[kind],
                xerr=[
                    part["difference"] - part["low"],
                    part["high"] - part["difference"],
                ],
                fmt="D" if face else "o",
                color=COLOURS[colour],
                markerfacecolor=COLOURS[colour] if face else "white",
                capsize=3,
            )
        ax.set(title=as_is(title), yticks=rows, ylim=(-0.6, len(table) - 0.4))
        ax.set_yticklabels([as_is(printed(name)) for name in table.index])


def paired_differences(splits, table: pd.DataFrame, ax: Axes, title="") -> Axes:
    """A dot for every split's difference under the mean and its corrected interval.

    The dots show how far one split can lie from the mean; the interval, how far the mean
    of other patients might.

    Parameters
    ----------
    splits : DataFrame
        What `helpers.evaluation.paired` returns: a row per split, a column per method.
    table : DataFrame
        What `helpers.evaluation.compare` returns for the same rows.
    """
    for row, name in zip(np.arange(len(table))[::-1], table.index, strict=True):
        values = splits[name].dropna().to_numpy()
        # Steps of the golden section never fall on the same height, and need no seed.
        heights = row + (np.arange(len(values)) * 0.618 % 1 - 0.5) * 0.5
        ax.scatter(
            values, heights, s=10, color=COLOURS["grey"], alpha=0.5, linewidths=0
        )
    differences({title: table}, [ax])
    return ax


def reliability(y_true, probabilities: dict[str, np.ndarray], axes, n_bins=10) -> None:
    """Reliability curves above histograms of the predicted probabilities.

    Points are means of bins that hold about equally many predictions, so that each rests
    on as many rows. On the dashed diagonal what is said is what happens; below it, risks are
    overstated.

    Parameters
    ----------
    y_true : array of bool or int, shape (n,)
        Whether the event came; several rounds of predictions may be stacked.
    probabilities : dict of str to array of shape (n,)
        Name to predicted probability of the event, up to six.
    axes : two Axes
        Curves on the first, a histogram of the predictions on the second.
    n_bins : int
        Bins of the curves; the histogram has 20 of equal width.

    Raises
    ------
    ValueError
        More methods than lines that can be told apart.
    """
    if len(probabilities) > 6:
        raise ValueError(
            f"{len(probabilities)} methods in one figure; nobody can tell more than 6 "
            "lines apart. Draw two figures."
        )
    curves, counts = axes
    y_true = np.asarray(y_true).astype(int)
    curves.plot([0, 1], [0, 1], color=COLOURS["grey"], linestyle=(0, (4, 3)), lw=1)
    markers = "oD^sXv"
    lines = ["-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1))]
    colours = [*COLOURS.values()][1:]
    for i, (name, p) in enumerate(probabilities.items()):
        observed, predicted = calibration_curve(
            y_true, p, n_bins=n_bins, strategy="quantile"
        )
        style = {"color": colours[i], "linestyle": lines[i], "linewidth": 1.8}
        curves.plot(
            predicted, observed, marker=markers[i], ms=6, label=as_is(name), **style
        )
        counts.hist(p, bins=np.linspace(0, 1, 21), histtype="step", **style)
    curves.set(xlim=(0, 1), ylim=(0, 1), ylabel="observed share")
    curves.set_title(f"n = {len(y_true):,} predictions, {y_true.sum():,} events")
    counts.set(xlim=(0, 1), xlabel="predicted probability", ylabel="predictions")


def ladder(rungs: pd.DataFrame, axes) -> None:
    """What each arm gains, with thresholds left alone and with thresholds tuned.

    Parameters
    ----------
    rungs : DataFrame, one row per arm, the simplest first
        ``plain`` and ``tuned``: gains over doing nothing, both with the threshold at one
        half, and both with it tuned.
    axes : two Axes
        With one x and one y for both.
    """
    rows = np.arange(len(rungs))[::-1]
    kinds = (("plain", "at one half", "s"), ("tuned", "tuned", "o"))
    for ax, (column, told, marker), colour in zip(
        axes, kinds, ("yellow", "blue"), strict=True
    ):
        ax.axvline(0, color=COLOURS["grey"], linewidth=1)
        gains = rungs[column]
        ax.hlines(rows, 0, gains, color=COLOURS["grey"], linewidth=1)
        ax.scatter(gains, rows, marker=marker, color=COLOURS[colour], zorder=3)
        ax.set_title(f"thresholds {told}", fontsize="medium")
        ax.set_xlabel("median gain in mean recall")
    axes[0].set(yticks=rows, ylim=(-0.6, len(rungs) - 0.4))
    axes[0].set_yticklabels([printed(name) for name in rungs.index])


def critical_difference(test, ax: Axes) -> Axes:
    """Average ranks on a line, best on the left; bars link what cannot be told apart.

    Where Friedman's test finds no difference at all, one bar links all methods, whatever
    the pairs say.

    Parameters
    ----------
    test : helpers.evaluation.Friedman
        What `helpers.evaluation.friedman_nemenyi` returns.
    """
    from scikit_posthocs import critical_difference_diagram

    # One bar per group that is not significant, so all of 1 links all.
    pairs = test.p_pairs if test.p < test.alpha else test.p_pairs * 0 + 1
    ranks = named(test.ranks)
    drawn = critical_difference_diagram(
        ranks,
        pairs.set_axis(ranks.index).set_axis(ranks.index, axis=1),
        alpha=test.alpha,
        ax=ax,
        label_fmt_left="{label}  {rank:.2f} ",
        label_fmt_right=" {rank:.2f}  {label}",
        elbow_props={"color": COLOURS["grey"], "linewidth": 1, "clip_on": False},
        marker_props={"color": COLOURS["blue"], "s": 36, "clip_on": False},
        crossbar_props={"color": COLOURS["orange"], "linewidth": 4},
        text_h_margin=0.05 * (len(ranks) - 1),
    )
    for label in drawn["labels"]:
        label.set_color(COLOURS["black"])  # else that of its line, too pale to read
    for (bar,) in drawn["crossbars"]:  # their points come in the order of a set
        bar.set_xdata(sorted(bar.get_xdata()))
    low, high = 1, len(ranks)
    width = min(test.critical_difference, high - low)
    beyond = ", longer than the line" if width < test.critical_difference else ""
    ax.plot([low, low + width], [1.6, 1.6], color=COLOURS["black"], marker="|", lw=1.5)
    ax.annotate(
        f"critical difference {test.critical_difference:.2f}{beyond}",
        (low, 1.6),
        (0, 5),
        textcoords="offset points",
    )
    bottom = min(text.get_position()[1] for text in drawn["labels"])
    ax.set(xlim=(low, high), xticks=range(low, high + 1), ylim=(bottom - 0.6, 2.6))
    ax.spines["top"].set_visible(True)
    p = f"= {test.p:.3f}" if test.p >= 0.001 else "< 0.001"
    ax.set_title(f"{test.n} data sets, Friedman's p {p}", pad=12)
    return ax


def show_images(rows, columns=(), size=(8, 2.2), title="") -> None:
    """Show a figure of `image_grid` alone."""
    _, ax = plt.subplots(figsize=size)
    image_grid(rows, ax, columns, title)
    plt.show()


def image_grid(rows: dict[str, np.ndarray], ax: Axes, columns=(), title="") -> Axes:
    """Images in named rows, as many in each.

    Parameters
    ----------
    rows : dict of str to array of shape (n, C, H, W)
        Values in [0, 255]; C is 1 or 3.
    columns : sequence of n str
        What stands above the columns.
    """
    from torch import as_tensor
    from torchvision.utils import make_grid

    images = np.concatenate([*rows.values()])
    n, (height, width) = len(images) // len(rows), images.shape[2:]
    gap = 2
    grid = make_grid(as_tensor(images), n, padding=gap, pad_value=255)
    ax.imshow(grid.permute(1, 2, 0).numpy().astype("uint8"), interpolation="nearest")
    down = gap + height / 2 + np.arange(len(rows)) * (height + gap)
    ax.set_yticks(down, [*map(as_is, rows)])
    right = gap + width / 2 + np.arange(len(columns)) * (width + gap)
    ax.set_xticks(right, [*map(as_is, columns)])
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    ax.spines[:].set_visible(False)
    ax.set_title(as_is(title))
    return ax
