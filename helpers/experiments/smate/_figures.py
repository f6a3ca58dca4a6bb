"""The figures of SMate's pages.

Each of stored or live results draws a figure, leaves it open for `plt.show`, and returns
what it says in words, for those who do not see it (`helpers.display.alt`).
"""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from ...data import CIFAR10
from ...plotting import COLOURS, image_grid, legend_below, look, panels, printed
from ...quality import nearest_rows
from .._kept_images import shown
from ._draw import available, draw
from ._figure_6 import PROTOCOL
from ._tables import TRUCK, printed_games, shown_confusions


def draw_updates(curves, live, rare_name) -> str:
    """Accuracy and recall of the rare class over the updates of a classifier.

    Parameters
    ----------
    curves : list of dict
        ``arm, updates, accuracy, recall_minority`` of each training.
    live : dict of str to dict
        The longest training of each arm.
    rare_name : str
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4))
    titles = {
        "accuracy": "accuracy, all images",
        "recall_minority": f"recall of {rare_name}",
    }
    for name, curve in pd.DataFrame(curves).groupby("arm", sort=False):
        for ax, metric in zip(axes, titles, strict=True):
            ax.plot(curve["updates"], curve[metric], **look(name))
    for ax, title in zip(axes, titles.values(), strict=True):
        ax.set(title=title, xlabel="update", ylim=(0, 1))
    legend_below(figure)
    told = [f"{printed(k)} {m['recall_minority']:.0%}" for k, m in live.items()]
    return (
        f"Accuracy and recall of {rare_name} over updates; that recall at the end: "
        + ", ".join(told)
    )


def draw_recall_and_accuracy(rows) -> str:
    """Recall of the rare class and accuracy, a line per arm, in per cent.

    Marks are means, dashes single draws; ordered by the recall, without the dummy.

    Parameters
    ----------
    rows : DataFrame
        Of the paper's experiment and one profile, those that learnt.
    """
    titles = {
        "recall_minority": "recall of the rare class (%)",
        "accuracy": "accuracy (%)",
    }
    by_arm = rows.assign(**{m: 100 * rows[m] for m in titles}).groupby("method")
    recall = by_arm["recall_minority"].mean().drop("dummy", errors="ignore")
    recall = recall.sort_values()
    _, axes = plt.subplots(1, 2, figsize=(9, 5.6), sharey=True)
    for ax, (metric, title) in zip(axes, titles.items(), strict=True):
        for height, arm in enumerate(recall.index):
            values = by_arm.get_group(arm)[metric]
            ax.plot(values.mean(), height, ls="", ms=8, **look(arm))
            single = [height] * len(values)  # draws
            ax.plot(values, single, "|", color=COLOURS["black"])
        ax.set_xlabel(title)
        ax.grid(axis="y", alpha=0.3)
    axes[0].set_yticks(range(len(recall)), [*map(printed, recall.index)])
    told = [f"{printed(arm)} {recall[arm]:.0f} %" for arm in recall.index[[-1, 0]]]
    return (
        "Recall of the rare class and accuracy, a line per arm; most and least recall: "
        + ", ".join(told)
    )


def draw_confusions(pairs) -> str:
    """Confusion matrices of up to four arms, in per cent of the true class.

    Parameters
    ----------
    pairs : dict of str to array
        What `confusions` returns.
    """
    told = []
    figure, axes = plt.subplots(2, 2, figsize=(7.6, 7.8), sharex=True, sharey=True)
    for ax, arm in zip(axes.flat, shown_confusions(pairs), strict=False):
        shares = pairs[arm] / pairs[arm].sum(axis=1, keepdims=True)
        told.append(f"{printed(arm)} {shares[TRUCK, TRUCK]:.0%}")
        ax.imshow(shares, cmap="cividis", vmin=0, vmax=1)
        for i, j in np.argwhere(shares >= 0.095):
            colour = "white" if shares[i, j] < 0.5 else "black"
            text = {"ha": "center", "va": "center", "c": colour, "fontsize": 8}
            ax.text(j, i, f"{100 * shares[i, j]:.0f}", **text)
        ax.set_xticks(range(len(CIFAR10)), CIFAR10, rotation=90)
        ax.set_yticks(range(len(CIFAR10)), CIFAR10)
        ax.set_title(printed(arm))
    figure.supxlabel("answer")
    figure.supylabel("truth")
    return f"Confusion matrices of ten classes; trucks found: {', '.join(told)}"


# ---------------------------------------------------------------- games


#: The discriminator's two accuracies, by the images that they are about.
SIDES = {"fake_accuracy": "generated", "real_accuracy": "real"}


def draw_games(samplers) -> str:
    """Shares of real and of generated images judged rightly in three live games.

    Parameters
    ----------
    samplers : dict of str to SMate
        Fitted, by the name of their game.
    """
    figure, axes = panels(samplers, size=(3.5, 2.6), sharey=True)
    for game, ax in axes.items():
        history = samplers[game].history_.set_index("step")
        for style, (name, label) in zip(("-", "--"), SIDES.items(), strict=True):
            ax.plot(
                history[name].rolling(5, 1).mean(), style, label=f"on {label} images"
            )
        ax.axhline(0.5, color=COLOURS["grey"], lw=0.8)
        ax.set(xlabel="update", ylim=(-0.03, 1.03))
        ax.set_title(game, fontsize="medium")
    figure.axes[0].set_ylabel("judged rightly")
    legend_below(figure, 2)
    ends = game_ends(samplers).iterrows()
    told = [f"{g}: {s['generated']:.2f} and {s['real']:.2f}" for g, s in ends]
    return (
        "Shares of generated and of real images judged rightly at the end of three "
        f"games: {'; '.join(told)}"
    )


def game_ends(samplers) -> pd.DataFrame:
    """Shares of generated and real images judged rightly in the last 100 updates."""
    ends = {
        game: sampler.history_[[*SIDES]].tail(100).mean()
        for game, sampler in samplers.items()
    }
    return pd.DataFrame(ends).T.rename(columns=SIDES)


def draw_rates(games) -> str:
    """The discriminator's accuracy over the updates of every stored game, a panel each.

    Parameters
    ----------
    games : DataFrame
        What `games_of` returns.
    """
    figure, axes = panels(games.index, size=(3.2, 1.9), sharex=True, sharey=True)
    for game, ax in axes.items():
        row = games.loc[game]
        ax.axhline(0.5, color=COLOURS["grey"], lw=0.8)
        ax.set(title=printed_games([game])[0], ylim=(-0.03, 1.03))
        for style, side in (("-", "fake"), ("--", "real")):
            course = str(row[f"{side}_accuracy_course"]).split()
            at = np.linspace(0, row["gan_steps"], len(course) + 1)[1:]
            ax.plot(at, [*map(float, course)], style, label=f"on {side} images")
    for ax in [*axes.values()][-3:]:
        ax.set_xlabel("update")
    figure.supylabel("discriminator's accuracy")
    legend_below(figure, 2)
    spotted = games["fake_accuracy"].dropna().sort_values()
    ends = spotted.iloc[[0, -1]]
    told = [
        f"{share:.0%} with {name}"
        for name, share in zip(printed_games(ends.index), ends, strict=True)
    ]
    return (
        f"Accuracy of the discriminator in {len(games)} games; fewest and most fakes "
        f"spotted at the end: {', '.join(told)}"
    )


# ---------------------------------------------------------------- images


def pictured(stored) -> list[pd.Series]:
    """Rows of the first draw that keep a picture, and whose training images are here.

    Parameters
    ----------
    stored : DataFrame
        Stored rows of one profile, of any protocol.
    """
    rows = stored[stored["picture"].notna() & (stored["protocol"] == PROTOCOL)]
    rows = rows[(rows["seed"] == 0) & (rows["method"] != "smate_scale_bug")]
    rows = rows.sort_values(["dataset", "method"], ascending=[False, False])
    here = {name for name in rows["dataset"].unique() if available(name) == name}
    return [row for _, row in rows.iterrows() if row["dataset"] in here]


def draw_beside_nearest(row, n=10):
    """Generated images of a row and, below each, the nearest training image of its class.

    Parameters
    ----------
    row : Series
        One of `pictured`.
    n : int

    Returns
    -------
    str, Figure
        As `helpers.display.frames` takes them.
    """
    drawn, images = draw(row["dataset"], 0, row["profile"]), shown(row["picture"])[:n]
    real = drawn.X[drawn.y == drawn.minority]
    figure, ax = plt.subplots(figsize=(6.8, 1.9), dpi=100)
    image_grid({"generated": images, "nearest real": nearest_rows(real, images)}, ax)
    kind, arm = drawn.names[drawn.minority], printed(row["method"])
    return f"{kind} by {arm}, {len(real)} real ones to learn from", figure


# ---------------------------------------------------------------- the method


def draw_phases() -> None:
    """The two phases of SMate as boxes and arrows (the report's Figures 2, 4 and 8)."""
    _, ax = plt.subplots(figsize=(9.5, 3.9))
    phases = {3.0: ("majority", "sky"), 1.5: ("minority", "orange")}
    for height, (rows, colour) in phases.items():
        _box(ax, 0, height, "noise", "white", 0.9)
        first = "sky" if rows == "majority" else "grey"
        _box(ax, 1.3, height, "dense, 2 up-\nconvolutions", COLOURS[first])
        _box(ax, 2.85, height, "2 last\nconvolutions", COLOURS[colour])
        _box(ax, 4.8, height, f"generated\n{rows}", "white", 1.3)
        _box(ax, 6.9, height, "discriminator", COLOURS[colour])
        _box(ax, 6.9, height - 0.75, f"real {rows}", "white", 1.1)
        for start, end in ((0.9, 1.3), (4.4, 4.8), (6.1, 6.9), (8.45, 8.9)):
            _arrow(ax, (start, height + 0.31), (end, height + 0.31))
        _arrow(ax, (7.4, height - 0.13), (7.4, height))
        ax.text(8.95, height + 0.31, "real or not?", va="center", fontsize=9)
    for x, text in ((2.07, "copied,\nfrozen"), (3.62, "copied"), (8.2, "copied")):
        _arrow(ax, (x, 3.0), (x, 2.12))
        ax.text(x + 0.08, 2.62, text, fontsize=9, va="center")
    _box(ax, 4.8, 0.0, "training set,\nfilled up", "white", 1.3)
    _box(ax, 6.9, 0.0, "classifier", COLOURS["green"])
    _arrow(ax, (5.45, 1.5), (5.45, 0.62))
    _arrow(ax, (6.1, 0.31), (6.9, 0.31))
    ax.set(xlim=(-0.1, 10), ylim=(-0.1, 3.8))
    ax.set_axis_off()


def _box(ax, x, y, text, colour, width=1.55, height=0.62):
    patch = plt.Rectangle((x, y), width, height, fc=colour, ec="black", alpha=0.35)
    ax.add_patch(patch)
    ax.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=9)


def _arrow(ax, start, end):
    ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "lw": 1.2})
