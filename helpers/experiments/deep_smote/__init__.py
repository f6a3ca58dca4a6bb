"""The runs behind DeepSMOTE's pages: `book/deep_smote_results.ipynb`, and a part of
`book/image_quality.ipynb` and `book/ratio_and_cost.ipynb`; and what these pages and
`book/deep_smote.ipynb` show of them.

`cells` says which runs the stored tables have. The module `_table_1` holds the paper's
experiment, `_rows` its rows and `_claims` what is said of them, `_tables` and `_figures`
how they are shown, `_printed` what the paper prints beside ours, `_glance` the first page's
line, `_pilot` the choice of the classifier's training, `_kept` the images that samplers
made, `_cost` what a method costs, `_quality` how good its images are, `_good_or_useful`
whether such images are the useful ones, `_toy` what the measures see, `_live` what the
method's page measures of its own trainings, `_ratio` how much imbalance it bears and
`_optimum` what its penalty allows at best.
"""

from .._kept_images import shown
from ._claims import (
    CLAIMS,
    READING,
    against_nothing,
    agreement,
    by_chance,
    gains,
    in_cells,
    judged,
    n_images,
    placed,
    row_error,
)
from ._cost import (
    COST_PROTOCOL,
    cost_cells,
    cost_table,
    growth_told,
    run_cost,
    seconds_at,
)
from ._figures import (
    draw_cost,
    draw_gains,
    draw_good_or_useful,
    draw_ranks,
    draw_ratios,
    draw_recall_by_class,
    ranked,
    ranks_told,
)
from ._glance import glance
from ._good_or_useful import (
    agreement_with_gain,
    good_and_useful,
    measured_images,
    pixels_told,
)
from ._live import (
    constants_tried,
    distance_to_others,
    draw_losses,
    draw_maps,
    last_losses,
    two_of_each,
    variety,
)
from ._optimum import literal_optimum
from ._pilot import PILOT_PROTOCOL, pilot_cells, run_pilot
from ._printed import (
    above_papers_smote,
    impossible_gmeans,
    impossible_told,
    printed_beside_ours,
)
from ._quality import (
    COUNTS_QUALITY,
    QUALITY_ARMS,
    QUALITY_PROTOCOL,
    quality_cells,
    run_quality,
)
from ._ratio import (
    COUNTS_RATIO,
    RATIO_ARMS,
    RATIO_PROTOCOL,
    by_ratio,
    falls,
    falls_told,
    ratio_cells,
    ratio_counts,
    ratio_table,
    run_ratio,
)
from ._rows import beside_paper, run_table, table_cells
from ._table_1 import (
    ARMS,
    CHAPTER,
    COUNTS_PROTOCOL,
    LOADERS,
    METRICS,
    NETWORK_FREE,
    PENALTIES,
    PROFILES,
    PROTOCOL,
    READINGS,
    RESTRICTED,
    RIVALS,
    SIMPLE,
    available,
    classifier,
    counts_of,
    draw,
    parts,
    pool,
    published,
    resample,
    sampler,
    scores,
    smote,
)
from ._tables import (
    arms_told,
    budgets,
    by_penalty,
    complete,
    counts_budget_told,
    counts_told,
    errors_by_test,
    family_told,
    gains_told,
    halves_told,
    mean_gains,
    mean_recalls,
    not_there_yet,
    nothing_at_counts,
    penalties_told,
    planned_claims,
    table_1,
    table_at_counts,
)
from ._toy import draw_toys, toys_measured

#: What the pages compare profiles by.
HEADLINE = "balanced_acsa"
#: Profiles whose rows the first page tells.
GLANCED = ("tenth", "counts")
RUNS = {
    PROTOCOL: run_table,
    COUNTS_PROTOCOL: run_table,
    COST_PROTOCOL: run_cost,
    QUALITY_PROTOCOL: run_quality,
    COUNTS_QUALITY: run_quality,
    RATIO_PROTOCOL: run_ratio,
    COUNTS_RATIO: run_ratio,
    PILOT_PROTOCOL: run_pilot,
}


def cells(profile):
    """The runs of a profile, Table 1 first; in "counts" the costliest rivals come last."""
    plans = table_cells, ratio_cells, quality_cells, cost_cells, pilot_cells
    found = [cell for plan in plans for cell in plan(profile)]
    last = ("bagan", "gamo") if profile == "counts" else ()
    return sorted(found, key=lambda cell: cell.method in last)


def run(cell):
    """Compute one row."""
    return RUNS[cell.protocol](cell)
