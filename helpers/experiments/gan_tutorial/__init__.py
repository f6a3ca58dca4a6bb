"""The runs behind the pages `book/gan_tutorial.ipynb` and `book/gan_tutorial_results.ipynb`.

`cells` says which runs the stored table has. The module `_pipeline` holds the paper's
pipeline and its runs, `_table_1` the paper's table beside ours and the claims, and
`_figures` what the pages draw.
"""

from ._figures import draw_differences, draw_maps, draw_moments, draw_patients
from ._pipeline import (
    CHAPTER,
    GRID,
    PROFILES,
    PROTOCOLS,
    ChosenOnValidation,
    among_benign,
    arm,
    cells,
    glance,
    run,
    split,
    tune_and_score,
    wgan_gp,
    wine_thinned,
)
from ._table_1 import (
    ARMS,
    GENERATORS,
    METRICS,
    PAPER,
    SCORES,
    chosen_settings,
    judged_claims,
    missed,
    missed_on_the_split,
    missed_seed_by_seed,
    of_the_gan,
    placed_table_1,
    repeated_rows,
    untouched_told,
    verdict_counts,
)
