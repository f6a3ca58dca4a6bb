"""Figure 6 at the report's counts: 5,000 images of each class, 500 trucks.

Here the classifiers have learnt, and printed numbers are comparable. Rows come one by one,
so that all that is said holds with as many arms as are there.
"""

import pandas as pd

from ...evaluation import claims_table
from ...plotting import printed
from ._claims import judged_against_nothing
from ._draw import PAPERS, SETTINGS
from ._figure_6 import COUNTS_PROTOCOL, figure_cells
from ._printed import FIGURE_6, NOTEBOOK
from ._tables import arms_of


def planned_runs() -> pd.DataFrame:
    """The runs of Figure 6 in the profile "counts", a row each."""
    return pd.DataFrame(figure_cells("counts"))


def at_counts(stored) -> pd.DataFrame:
    """Rows of Figure 6 among stored rows of the profile "counts"."""
    mine = (stored["protocol"] == COUNTS_PROTOCOL) & (stored["dataset"] == PAPERS)
    return stored[mine]


def missing_at_counts(rows) -> str:
    """How many rows of the plan are there, and which arms lack all or some of theirs."""
    plan = planned_runs()
    there = plan.merge(rows[["method", "seed"]])
    some, all_of = there["method"].value_counts(), plan["method"].value_counts()
    lacking = {
        printed(arm): f"{some[arm]} of {all_of[arm]} draws" if arm in some else "none"
        for arm in plan["method"].unique()
        if some.get(arm, 0) < all_of[arm]
    }
    begun = [f"{arm} ({n})" for arm, n in lacking.items() if n != "none"]
    absent = [arm for arm, n in lacking.items() if n == "none"]
    return (
        f"{len(there)} of {len(plan)} rows of this table are there. Begun: "
        f"{'; '.join(begun) or 'none'}. Not there yet: {'; '.join(absent) or 'none'}."
    )


def gains_at_counts(rows) -> pd.DataFrame:
    """Every arm minus doing nothing in points, and whether the gain is told over images.

    Draws share nearly all of their images here, so that there is no test over draws. All
    claims of the plan are one family, whichever are there.

    Parameters
    ----------
    rows : DataFrame
        Of `at_counts`, those that learnt.
    """
    arms = {*planned_runs()["method"]} - {"dummy", "nothing"}
    judged = judged_against_nothing(rows, "images", planned=2 * len(arms))
    if judged.empty:
        return pd.DataFrame()
    wide = claims_table(judged, factor=100, digits=1, most=1)
    wide = wide[["difference", "could tell", "verdict"]]
    wide = wide.rename(columns={"verdict": "over images"})
    wide = wide.unstack("in").swaplevel(axis=1)[["recall", "accuracy"]]
    order = [arm for arm in arms_of(rows) if arm in wide.index]
    return wide.loc[order].rename_axis(None).rename_axis((None, None), axis=1)


def counts_told(rows) -> str:
    """What is found at the report's counts by doing nothing and by the report's samplers.

    Parameters
    ----------
    rows : DataFrame
        Stored rows of the profile "counts" that learnt.

    Returns
    -------
    str
        "" without a row of doing nothing.
    """
    arms = at_counts(rows).groupby("method")
    means = arms[["recall_minority", "accuracy"]].mean()
    if "nothing" not in means.index:
        return ""
    sizes, spreads = arms.size(), arms[["recall_minority"]].std()
    accuracy, recall = FIGURE_6["nothing"]

    def recalls(arm, more=""):
        several = f" ± {spreads['recall_minority'][arm]:.2f}" if sizes[arm] > 1 else ""
        return f"{means['recall_minority'][arm]:.2f}{several} (n = {sizes[arm]}{more})"

    samplers = [
        arm for arm in ("random_oversampling", "smote", "adasyn") if arm in means.index
    ]
    others = "; ".join(
        f"{printed(arm)} "
        + recalls(arm, f"; there {FIGURE_6[arm][1]:.2f}, {NOTEBOOK[arm][1]:.2f}")
        for arm in samplers
    )
    free = [
        f"{printed(arm)} {recalls(arm)}"
        for arm in ("class_weight", "threshold", "logit_adjustment")
        if arm in means.index
    ]
    ends = arms["recall_minority"].agg(["min", "max"])
    widest = (ends["max"] - ends["min"]).idxmax()
    low, high = ends.loc[widest]
    return (
        f"At the report's numbers of images and {SETTINGS['counts']['epochs']} passes, "
        f"doing nothing finds {recalls('nothing')} of the trucks at an accuracy of "
        f"{100 * means['accuracy']['nothing']:.1f} per cent; the report has {recall:.2f} and "
        f"{100 * accuracy:.1f}, its notebook {NOTEBOOK['nothing'][1]:.2f} and "
        f"{100 * NOTEBOOK['nothing'][0]:.1f}"
        + (f". Of the report's samplers: {others}" if others else "")
        + (f". Without another image: {'; '.join(free)}" if free else "")
        + (
            f". Draws of one arm differ by up to {high - low:.2f} ({printed(widest)}, "
            f"{low:.2f} to {high:.2f}), of which no interval over test images knows"
            if high > low
            else ""
        )
    )
