"""The runs behind SMate's pages: `book/smate.ipynb`, `book/smate_results.ipynb`,
`book/boosting.ipynb` and a part of `book/image_quality.ipynb`.

`cells` says which runs the stored tables have. The module `_draw` holds the
images of the paper's experiment, `_generated` those of its GANs, `_figure_6` its arms and
rows, `_printed` the numbers of the report and `_claims` what is said of both, `_boosting` a
part of that, `_counts` what is said of rows at the report's counts, `_tables`, `_trucks` and
`_figures` how they are shown, `_pilot` the choice of the classifier's rate, `_gan` how a
GAN's training goes and `_quality` how good its images are.
"""

from ...data import CIFAR10
from ...evaluation import Claim, judge
from .. import that_learnt
from .._kept_images import picture, shown
from ._boosting import boosted, judged_boosting
from ._claims import (
    SOURCES,
    is_whole,
    judged,
    judged_against_nothing,
    judged_gaps,
    judged_images,
    over_draws,
    placed,
)
from ._counts import at_counts, counts_told, gains_at_counts, missing_at_counts
from ._draw import DATASETS, PAPERS, SETTINGS, available, draw, halved
from ._figure_6 import (
    ARMS,
    CHAPTER,
    COUNTS_PROTOCOL,
    PROFILES,
    PROTOCOL,
    SMATES,
    TRANSFER_ARMS,
    classifier,
    confusion,
    decide,
    figure_cells,
    measures,
    minority_threshold,
    resample,
    run_figure,
)
from ._figures import (
    draw_beside_nearest,
    draw_confusions,
    draw_games,
    draw_phases,
    draw_rates,
    draw_recall_and_accuracy,
    draw_updates,
    game_ends,
    pictured,
)
from ._gan import (
    COUNTS_GAN,
    GAN_PROTOCOL,
    GAN_RATES,
    gan_cells,
    run_gan,
)
from ._generated import generated, pretrained, smate
from ._pilot import PILOT_PROTOCOL, pilot_cells, pilot_told, run_pilot
from ._printed import FIGURE_5, FIGURE_6, FIGURE_11, NOTEBOOK
from ._quality import (
    COUNTS_QUALITY,
    JUDGES,
    QUALITY_ARMS,
    QUALITY_PROTOCOL,
    quality_cells,
    run_quality,
)
from ._tables import (
    ELSEWHERE,
    GANS,
    MEASURES,
    TOLD,
    TRUCK,
    against_nothing,
    best_arm,
    both_ways,
    confused_told,
    confusions,
    early_end_told,
    elsewhere,
    failures_told,
    figure_6,
    games_of,
    gan_lengths,
    halves_told,
    higher_printed,
    leads_told,
    losses_table,
    mean_recalls,
    price_told,
    printed_games,
    recalls_told,
    report_beside_ours,
    report_differences,
    shown_confusions,
    spotted_at_end,
    trucks_and_cars,
)
from ._trucks import (
    images_told,
    judges_shown,
    judges_told,
    left_out_told,
    measured_trucks,
    penalty_told,
    trucks_by_arm,
    trucks_by_judge,
)

#: What the pages compare profiles by.
HEADLINE = "recall_minority"
#: Profiles whose rows the first page tells.
GLANCED = ("tenth", "counts")
RUNS = {
    PROTOCOL: run_figure,
    COUNTS_PROTOCOL: run_figure,
    GAN_PROTOCOL: run_gan,
    COUNTS_GAN: run_gan,
    QUALITY_PROTOCOL: run_quality,
    COUNTS_QUALITY: run_quality,
    **dict.fromkeys(JUDGES, run_quality),
    PILOT_PROTOCOL: run_pilot,
}


def cells(profile):
    """The runs of a profile, Figure 6 first."""
    parts = figure_cells, gan_cells, quality_cells, pilot_cells
    return [cell for part in parts for cell in part(profile)]


def run(cell):
    """Compute one row."""
    return RUNS[cell.protocol](cell)


def glance(rows):
    """One sentence for the first page of the book, from the stored rows.

    At the report's counts as soon as all arms of the sentence are there. With the number of
    draws, in brackets where an arm has others than doing nothing.
    """
    names = {
        "nothing": "without",
        "random_oversampling": "with copies",
        "threshold": "with a tuned threshold",
        "smate_scratch": "with a GAN from scratch",
        "smate": "with SMate",
    }
    rows = that_learnt(rows[rows["dataset"] == PAPERS])
    whole = rows[rows["protocol"] == COUNTS_PROTOCOL]
    counts = {*names} <= {*whole["method"]}
    rows = whole if counts else rows[rows["protocol"] == PROTOCOL]
    recalls = rows.groupby("method")["recall_minority"]
    n = int(recalls.size().get("nothing", 0))
    tenth = (rows["profile"] == "tenth").all()
    scale = "a tenth of CIFAR-10" if tenth else "the paper's CIFAR-10"
    sizes, spreads = recalls.size(), recalls.std()
    found = [
        f"{mean:.2f}"
        + (f" ± {spreads[m]:.2f}" if sizes[m] > 1 else "")
        + f" {names[m]}"
        + (f" ({sizes[m]})" if sizes[m] != n else "")
        for m, mean in recalls.mean().reindex([*names]).dropna().items()
    ]
    verdict = "not answered yet"
    if len(found) == len(names):
        gain = over_draws(rows, "recall_minority", "smate", "smate_scratch")
        claim = Claim("the transfer helps", gain)
        verdict = judge([claim], "first page")["verdict"].iloc[0]
    at_whole = "" if counts else counts_told(whole)
    return (
        f"{verdict.capitalize()}. Truck recall on {scale} ({n} draw{'s'[: n > 1]}): {', '.join(found)}; "
        f"the paper's own confusion matrix has {FIGURE_11}, its ADASYN {FIGURE_6['adasyn'][1]}"
        + (f". {at_whole}" if at_whole else "")
    )
