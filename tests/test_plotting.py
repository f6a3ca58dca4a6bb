"""What the shared figures show: the numbers given to them, and not by colour alone."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from helpers import plotting
from helpers.evaluation import compare, friedman_nemenyi, paired
from helpers.experiments import deep_smote, gan_smote, gan_tutorial, smate


@pytest.fixture
def axes():
    with plt.rc_context({**plotting.STYLE, "backend": "Agg"}):
        figure, axes = plt.subplots(2, 1)
        yield axes
        figure.canvas.draw()  # what cannot be drawn fails here
        plt.close(figure)


def ranked(gaps, n):
    """Scores of `n` data sets on which the methods, best first, lie `gaps` apart."""
    noise = np.random.default_rng(0).normal(0, 1, (n, len(gaps)))
    return pd.DataFrame(noise - np.cumsum(gaps), columns=[*"abcdefgh"[: len(gaps)]])


def bars(ax):
    """Ends of the thick lines that link methods."""
    orange = plotting.COLOURS["orange"]
    lines = [line for line in ax.lines if to_hex(line.get_color()).upper() == orange]
    # Drawn from left to right, or the picture would depend on the order of a set.
    assert all((np.diff(line.get_xdata()) >= 0).all() for line in lines)
    return sorted((min(line.get_xdata()), max(line.get_xdata())) for line in lines)


def shown(ax):
    return [text.get_text().strip() for text in ax.texts]


# ---------------------------------------------------------------- critical differences


def test_diagram_shows_every_rank_and_links_what_is_not_apart(axes):
    test = friedman_nemenyi(ranked([0, 0.1, 9], 40))
    plotting.critical_difference(test, axes[0])
    points = [c.get_offsets()[0] for c in axes[0].collections]
    assert sorted(x for x, _ in points) == pytest.approx(test.ranks.tolist())
    assert {y for _, y in points} == {0}
    for name, rank in test.ranks.items():
        assert any({name, f"{rank:.2f}"} == {*text.split()} for text in shown(axes[0]))
    a, b, c = test.ranks[["a", "b", "c"]]
    assert c - max(a, b) > test.critical_difference > abs(a - b)
    (bar,) = bars(axes[0])
    assert bar == pytest.approx((min(a, b), max(a, b)))
    assert axes[0].get_title() == "40 data sets, Friedman's p < 0.001"


def test_diagram_draws_the_critical_difference_to_scale(axes):
    test = friedman_nemenyi(ranked([0, 0.1, 9], 40))
    plotting.critical_difference(test, axes[0])
    (scale,) = [line for line in axes[0].lines if line.get_marker() == "|"]
    assert np.ptp(scale.get_xdata()) == pytest.approx(test.critical_difference)
    assert f"critical difference {test.critical_difference:.2f}" in shown(axes[0])


@pytest.mark.parametrize("n", [2, 3])
def test_diagram_without_a_difference_links_all(axes, n):
    """Also where a pair taken by itself would pass for different."""
    test = friedman_nemenyi(ranked([0, 0, 0, 0], n))
    assert test.p > 0.05
    test.p_pairs.iloc[0, -1] = test.p_pairs.iloc[-1, 0] = 0.001
    plotting.critical_difference(test, axes[0])
    assert bars(axes[0]) == [(test.ranks.min(), test.ranks.max())]
    (told,) = [text for text in shown(axes[0]) if "critical" in text]
    assert ("longer than the line" in told) == (n == 2)
    (scale,) = [line for line in axes[0].lines if line.get_marker() == "|"]
    assert np.ptp(scale.get_xdata()) == pytest.approx(min(test.critical_difference, 3))


def test_diagram_is_black_on_white_with_plain_names(axes):
    scores = ranked([0, 1, 2], 10).rename(columns={"a": "random_oversampling"})
    plotting.critical_difference(friedman_nemenyi(scores), axes[0])
    assert any("random oversampling" in text for text in shown(axes[0]))
    assert {to_hex(text.get_color()) for text in axes[0].texts} == {"#000000"}
    assert axes[0].spines["top"].get_visible()  # the line of ranks; STYLE hides it
    assert plotting.STYLE["figure.facecolor"] == "white"
    assert plotting.STYLE["savefig.facecolor"] == "white"


# ---------------------------------------------------------------- paired differences


def results():
    rng = np.random.default_rng(0)
    base = rng.normal(0.5, 0.1, 30)
    gains = {"nothing": 0, "clear": 0.3, "unclear": 0.01}
    return pd.DataFrame(
        {"seed": 0, "fold": fold, "method": method, "acsa": value}
        | {"n_train": 80, "n_test": 20}
        for method, gain in gains.items()
        for fold, value in enumerate(base + gain + rng.normal(0, 0.05, 30) * (gain > 0))
        if not (method == "clear" and fold == 3)  # a cell that is still missing
    )


def test_every_split_is_a_dot_around_its_own_method(axes):
    splits = paired(results(), "acsa", "nothing")
    table = compare(results(), "acsa", "nothing").loc[["unclear", "clear"]]
    ax = plotting.paired_differences(splits, table, axes[0], "ACSA")
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    assert names == ["unclear", "clear"]
    heights = dict(zip(names, ax.get_yticks(), strict=True))
    assert heights["unclear"] > heights["clear"]  # in the order of the table
    dots = {
        name: c.get_offsets() for name, c in zip(names, ax.collections[:2], strict=True)
    }
    for name, (x, y) in {k: v.T for k, v in dots.items()}.items():
        assert sorted(x) == pytest.approx(sorted(splits[name].dropna()))
        assert abs(y - heights[name]).max() <= 0.25
        assert len(np.unique(y)) == len(y)
    assert len(dots["clear"]) == 29


def test_intervals_are_those_of_the_table_and_clear_ones_have_another_marker(axes):
    splits = paired(results(), "acsa", "nothing")
    table = compare(results(), "acsa", "nothing")
    assert [*(table["p_holm"] < 0.05)] == [True, False]
    ax = plotting.paired_differences(splits, table, axes[0])
    drawn = {
        container.lines[0].get_marker(): (
            container.lines[0].get_xdata()[0],
            *container.lines[2][0].get_segments()[0][:, 0],
        )
        for container in ax.containers
    }
    columns = ["difference", "low", "high"]
    assert drawn["D"] == pytest.approx(table.loc["clear", columns].tolist())
    assert drawn["o"] == pytest.approx(table.loc["unclear", columns].tolist())


# ---------------------------------------------------------------- reliability


def risks():
    rng = np.random.default_rng(0)
    p = rng.beta(1, 6, 4000)
    return rng.uniform(size=4000) < p, {"honest": p, "too_high": np.sqrt(p)}


def test_honest_risks_lie_on_the_diagonal_and_overstated_ones_below(axes):
    y, p = risks()
    plotting.reliability(y, p, axes)
    curves = {line.get_label(): line for line in axes[0].lines}
    predicted, observed = curves["honest"].get_data()
    assert len(predicted) == 10
    assert observed == pytest.approx(predicted, abs=0.04)
    # Bins of equal size: their mean is the mean over all rows.
    assert np.mean(predicted) == pytest.approx(p["honest"].mean())
    assert np.mean(observed) == pytest.approx(y.mean())
    predicted, observed = curves["too_high"].get_data()
    assert (observed < predicted).all()


def test_reliability_tells_how_many_and_distinguishes_without_colour(axes):
    y, p = risks()
    plotting.reliability(y, p, axes)
    assert axes[0].get_title() == f"n = 4,000 predictions, {y.sum()} events"
    named = [line for line in axes[0].lines if line.get_label() in p]
    assert len({line.get_marker() for line in named}) == 2
    assert len({line.get_linestyle() for line in named}) == 2
    outlines = [patch.get_xy() for patch in axes[1].patches]
    assert len(outlines) == 2
    assert (
        max(outlines[0][:, 1])
        == np.histogram(p["honest"], np.linspace(0, 1, 21))[0].max()
    )
    styles = [patch.get_linestyle() for patch in axes[1].patches]
    assert styles[0] != styles[1]


def test_more_methods_than_line_styles_are_refused(axes):
    y, p = risks()
    many = {str(i): p["honest"] for i in range(7)}
    with pytest.raises(ValueError, match=r"7 methods.*6"):
        plotting.reliability(y, many, axes)


# ---------------------------------------------------------------- maps, columns, images


def test_a_map_shows_every_row_once_and_generated_ones_as_open_squares(axes):
    points = np.random.default_rng(0).normal(size=(9, 2))
    y = np.array([0, 0, 0, 1, 1, 1, 1, 0, 1])
    new = np.array([False] * 5 + [True, True, False, False])
    ax = plotting.embedding(points, y, new, ["well", "ill"], axes[0], "a map")
    drawn = {c.get_label(): c for c in ax.collections}
    expected = {"well": (y == 0), "ill": (y == 1) & ~new, "ill, generated": new}
    assert [*drawn] == [*expected]
    for label, chosen in expected.items():
        assert (drawn[label].get_offsets() == points[chosen]).all()
    assert len(drawn["ill, generated"].get_facecolors()) == 0
    assert len({c.get_paths()[0].vertices.tobytes() for c in ax.collections}) == 3
    assert ax.get_title() == "a map"


def test_a_map_shows_generated_rows_of_either_class_and_knows_no_others(axes):
    points, y = (
        np.random.default_rng(0).normal(size=(6, 2)),
        np.array([0, 0, 0, 1, 1, 1]),
    )
    new = np.array([False, False, True, False, False, True])
    ax = plotting.embedding(points, y, new, ["ill", "well"], axes[0])
    assert sum(len(c.get_offsets()) for c in ax.collections) == 6
    assert "ill, generated" in [c.get_label() for c in ax.collections]
    with pytest.raises(ValueError, match="y has 2; number the two classes 0 and 1"):
        plotting.embedding(points, y + 1, new, ["ill", "well"], axes[0])


def test_a_map_without_generated_rows_has_no_sign_for_them(axes):
    points, y = np.zeros((3, 2)), np.array([0, 1, 1])
    ax = plotting.embedding(points, y, np.zeros(3, bool), ["well", "ill"], axes[0])
    assert [c.get_label() for c in ax.collections] == ["well", "ill"]


def test_marginals_draw_each_column_of_each_sample_within_its_range(axes):
    rng = np.random.default_rng(0)
    samples = {name: rng.normal(k, 1, (50, 4)) for k, name in enumerate("abc")}
    plotting.marginals(samples, {"first": 0, "last": 3}, axes)
    for ax, (name, column) in zip(axes, {"first": 0, "last": 3}.items(), strict=True):
        assert ax.get_xlabel() == name
        (filled,) = ax.collections  # the real rows
        lines = {line.get_label(): line for line in ax.lines}
        assert [filled.get_label(), *lines] == [*samples]
        ends = {"a": filled.get_paths()[0].vertices[:, 0]}
        ends |= {label: line.get_xdata() for label, line in lines.items()}
        for label, rows in samples.items():
            found = ends[label].min(), ends[label].max()
            assert found == pytest.approx(
                (rows[:, column].min(), rows[:, column].max())
            )
        assert len({line.get_linestyle() for line in ax.lines}) == 2
    assert [ax.get_ylabel() for ax in axes] == ["density", ""]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_holds_every_image_in_its_named_place(axes, channels):
    shades = np.arange(6, dtype="uint8").reshape(2, 3) * 40
    images = np.tile(shades[:, :, None, None, None], (channels, 4, 5))
    rows = {"real": images[0], "generated": images[1]}
    ax = plotting.image_grid(rows, axes[0], ["a", "b", "c"], "images")
    shown = ax.images[0].get_array()
    for ticks, names in ((ax.yaxis, [*rows]), (ax.xaxis, ["a", "b", "c"])):
        assert [label.get_text() for label in ticks.get_ticklabels()] == names
    for row, y in enumerate(ax.get_yticks()):
        for column, x in enumerate(ax.get_xticks()):
            assert (shown[int(y), int(x)] == shades[row, column]).all()
    assert ax.get_title() == "images"


# ---------------------------------------------------------------- comparisons


def drawn(ax, mark):
    """Where marks of a kind stand: a list of (x, y)."""
    lines = [line for line in ax.lines if line.get_marker() == mark]
    return [xy for line in lines for xy in zip(*line.get_data(), strict=True)]


def test_pairs_stand_beside_their_name_and_the_legend_names_both(axes):
    table = pd.DataFrame({"after": [0.5, 0.6], "before": [0.9, 0.7]}, ["x", "y"])
    ax = plotting.pairs(table, axes[0])
    assert drawn(ax, "o") == [(0.5, 0), (0.6, -1)]
    assert drawn(ax, "D") == [(0.9, 0), (0.7, -1)]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["x", "y"]
    (legend,) = ax.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["after", "before"]
    marks = [handle.get_marker() for handle in legend.legend_handles]
    assert marks == ["o", "D"]


def test_other_studies_stand_above_the_bars_of_the_first(axes):
    bars = pd.DataFrame({"low": [0, -1], "high": [1, 2]}, ["plain", "corrected"])
    ax = plotting.intervals_beside(bars, [0.2, 0.4], axes[0], "area", beside="others")
    ends = [tuple(line.get_xdata()) for line in ax.lines[:2]]
    assert ends == [(0, 1), (-1, 2)]
    assert drawn(ax, "D") == [(0.2, 2), (0.4, 2)]
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    assert names == ["plain", "corrected", "others"]


def test_each_classifier_has_a_panel_of_reliability_and_all_one_legend():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    arms = {"nothing": rng.uniform(size=(60, 2)), "SMOTE": rng.uniform(size=(60, 2))}
    figure = plotting.reliabilities(y, {"logistic": arms, "boosting": arms})
    curves = figure.axes[:2]
    assert [ax.get_title().split(":")[0] for ax in curves] == ["logistic", "boosting"]
    assert "120 predictions" in curves[0].get_title()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["nothing", "SMOTE"]
    plt.close(figure)


def test_a_panel_of_paired_differences_for_each_title():
    rows = pd.DataFrame(
        {"method": m, "seed": 0, "fold": f, "acsa": v + f % 2 / 100, "n_train": 80}
        for m, v in {"nothing": 0.5, "smote": 0.6}.items()
        for f in range(4)
    ).assign(n_test=20)
    found = paired(rows, "acsa", "nothing"), compare(rows, "acsa", "nothing")
    figure = plotting.paired_panels({"left": found, "right": found}, "gain")
    assert [ax.get_title() for ax in figure.axes] == ["left", "right"]
    assert figure.get_supxlabel() == "gain"
    plt.close(figure)


def test_panels_of_other_methods_keep_their_lines_and_names():
    def found(*methods):
        rows = pd.DataFrame(
            {"method": m, "seed": 0, "fold": f, "acsa": v + f % 2 / 100, "n_train": 80}
            for m, v in zip(("nothing", *methods), (0.5, 0.6, 0.7, 0.8), strict=False)
            for f in range(4)
        ).assign(n_test=20)
        return paired(rows, "acsa", "nothing"), compare(rows, "acsa", "nothing")

    panels = {"A": found("smote", "gan", "adasyn"), "B": found("adasyn", "smote")}
    figure = plotting.paired_panels(panels, "gain")
    names = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert names == ["ADASYN", "GAN", "SMOTE"]
    heights = dict(zip(names, figure.axes[0].get_yticks(), strict=True))
    for ax, means in zip(
        figure.axes,
        ({"SMOTE": 0.1, "GAN": 0.2, "ADASYN": 0.3}, {"ADASYN": 0.1, "SMOTE": 0.2}),
        strict=True,
    ):
        dots = [
            (round(x, 3), y)
            for line in ax.lines
            if line.get_marker() in "Do"
            for x, y in zip(*line.get_data(), strict=True)
            if np.isfinite(x)
        ]
        assert {*dots} >= {(m, heights[name]) for name, m in means.items()}
        low, high = ax.get_ylim()
        assert low < min(heights.values()) < max(heights.values()) < high
    plt.close(figure)


def test_reliabilities_of_other_arms_are_refused_and_of_another_order_are_not():
    p = np.random.default_rng(0).uniform(size=(60, 2))
    y = np.arange(60) % 2
    with pytest.raises(ValueError, match=r"'b' has the arms .*, 'a' has"):
        plotting.reliabilities(y, {"a": {"nothing": p}, "b": {"SMOTE": p}})
    arms = {"nothing": p, "SMOTE": p**2}
    figure = plotting.reliabilities(y, {"a": arms, "b": {"SMOTE": p**2, "nothing": p}})
    left, right = (
        {line.get_label(): line.get_xdata().tolist() for line in ax.lines[1:]}
        for ax in figure.axes[:2]
    )
    assert left == right
    plt.close(figure)


@pytest.mark.parametrize("name", ["US$ to \\frac$", "_other"])
def test_names_that_come_with_data_are_shown_as_they_are(name):
    figure, axes = plotting.panels([name, "b"])
    rng = np.random.default_rng(0)
    points, y = rng.normal(size=(8, 2)), np.repeat([0, 1], 4)
    plotting.embedding(points, y, y > 1, [name, "b"], axes[name], name)
    plotting.marginals({name: points}, {name: 0}, [axes["b"]])
    labels = [
        text for ax in axes.values() for text in ax.get_legend_handles_labels()[1]
    ]
    assert sum("other" in label or "US" in label for label in labels) == 2
    figure.draw_without_rendering()
    grid = plt.figure()
    images = rng.uniform(size=(2, 1, 4, 4))
    plotting.image_grid({name: images}, grid.subplots(), [name, "b"], name)
    grid.draw_without_rendering()
    plt.close("all")


# ---------------------------------------------------------------- methods


def test_every_arm_of_every_chapter_has_a_name_and_a_look_of_its_own():
    arms = {*deep_smote.ARMS, *deep_smote.NETWORK_FREE, *smate.ARMS}
    for chapter in (gan_tutorial, gan_smote):
        arms |= {cell.method for cell in chapter.cells("paper")}
    assert arms <= {*plotting.METHODS}
    looks = [(look.colour, look.mark) for look in plotting.METHODS.values()]
    assert len({*looks}) == len(looks)
    names = [look.name for look in plotting.METHODS.values()]
    assert len({*names}) == len(names)
    for arm in arms:
        assert plotting.look(arm) == plotting.look(plotting.printed(arm))


def test_arms_that_stand_in_one_figure_differ_without_colour():
    for arms in (deep_smote.RATIO_ARMS, deep_smote.QUALITY_ARMS[2:]):
        marks = [plotting.METHODS[arm].mark for arm in arms]
        assert len({*marks}) == len(marks)


def test_tables_name_methods_and_leave_the_rest():
    table = pd.DataFrame({("smote", "acsa"): [0.5], ("other_one", "f1_macro"): [1.0]})
    table.index = pd.MultiIndex.from_tuples([("mnist", "deep_smote_no_penalty")])
    found = plotting.named(table)
    assert [*found.columns] == [("SMOTE", "acsa"), ("other_one", "f1_macro")]
    assert [*found.index] == [("MNIST", "DeepSMOTE, no penalty")]
    assert [*plotting.named(pd.Series([1], ["gan"])).index] == ["GAN"]


def test_a_method_without_a_look_is_refused():
    with pytest.raises(ValueError, match=r"'smotte'.*plotting\.METHODS"):
        plotting.look("smotte")


@pytest.mark.parametrize("n", [0, 1, 4])
def test_panels_are_as_many_as_titles_and_share_one_legend(n):
    with plt.rc_context({**plotting.STYLE, "backend": "Agg"}):
        figure, axes = plotting.panels([*"abcd"[:n]])
        assert [ax.get_title() for ax in axes.values()] == [*"abcd"[:n]]
        for i, ax in enumerate(axes.values()):
            ax.plot([0, 1], label="in all")
            ax.plot([1, 0], label=f"in {i % 2}")
        plotting.legend_below(figure)
        [legend] = figure.legends
        texts = [text.get_text() for text in legend.get_texts()]
        assert texts == {0: [], 1: ["in all", "in 0"]}.get(
            n, ["in all", "in 0", "in 1"]
        )
        shown = [ax for ax in figure.axes if ax.axison]
        assert len(shown) == n
        figure.canvas.draw()
        plt.close(figure)
