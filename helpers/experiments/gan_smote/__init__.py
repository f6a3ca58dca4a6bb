"""The runs behind GAN-SMOTE's pages, `book/gan_smote.ipynb`, `book/gan_smote_results.ipynb`
and `book/gan_smote_tricks.ipynb`, and what they say of the rows.

`cells` says which runs the stored table has. The module `_benchmark` holds the paper's
experiment, `_rows` which of its rows a table is about, `_table_1` the paper's table beside
ours and the claims, `_ablation` what each trick does, `_wishes` what the paper left for
later, and `_figures` and `_live` what a page draws and trains itself.
"""

from ._ablation import (
    QUALITIES,
    SAMPLERS,
    ablation,
    changes,
    changes_table,
    collapsed,
    draw_changes,
    judged_changes,
    judged_rows,
    mean_changes,
    told_changes,
)
from ._benchmark import (
    CHAPTER,
    PROFILES,
    SIMPLE,
    PaperNetwork,
    best_epoch,
    cells,
    classical,
    classifier,
    duplicate_groups,
    folds,
    glance,
    judge_samples,
    new_rows,
    resampled,
    run,
    trained,
    wanted,
)
from ._figures import (
    draw_against_nothing,
    draw_course,
    draw_flips,
    draw_moments,
    draw_schedules,
    draw_table,
)
from ._live import (
    character,
    sample_quality,
    share_valid,
    shorter,
    variety,
    words_per_character,
)
from ._rows import ARMS, CLASSIFIERS, NAMES, TRICKS, minutes_of_forty, rows_of
from ._table_1 import (
    accuracies,
    against_nothing,
    in_samples,
    judged_claims,
    judged_spreads,
    lost_by_grouping,
    network_table,
    placed_spreads,
    placed_table_1,
    repeat_gaps,
    table_1,
)
from ._wishes import (
    beside_smote,
    gains_table,
    judged_gains,
    not_enlarged,
    rare_digits,
    seconds_a_draw,
)
