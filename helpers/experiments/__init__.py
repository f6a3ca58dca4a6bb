"""The runs behind the stored tables, one module per chapter.

Each module has ``PROFILES``, ``cells(profile)``, which lists the runs of its table, and
``run(cell)``, which computes one row; both importable by joblib and Dask.
"""

#: Mean recall on its own original training rows from which a network has learnt. In the
#: pilot of the image chapter one training stopped at .52, and the others passed .95.
LEARNT = 0.6


def answer(test) -> str:
    """Whether a difference is clear of zero, in a word: a row of `compare`."""
    return "Yes" if test["low"] > 0 else "No" if test["high"] < 0 else "Not measurably"


def learning(model, X, y) -> dict:
    """What a training has made of its original rows, for the stored row.

    Parameters
    ----------
    model : classifier
        Fitted.
    X, y : arrays
        The original training rows, without what a sampler added.

    Returns
    -------
    dict
        ``train_accuracy`` and ``train_acsa``, the share of these rows that it recognises
        and the mean recall over their classes; ``train_loss``, the mean over the last
        tenth of the updates of the loss that was minimised, whatever weights, mixing or
        offsets are in it; ``learned``, whether ``train_acsa`` reaches `LEARNT`. A
        classifier without a training has neither of the last two.
    """
    import numpy as np

    found = model.predict(X) == y
    recalls = [found[y == c].mean() for c in np.unique(y)]
    row = {
        "train_accuracy": float(found.mean()),
        "train_acsa": float(np.mean(recalls)),
    }
    if hasattr(model, "history_"):
        loss = model.history_["loss"]
        row["train_loss"] = float(loss.tail(max(1, len(loss) // 10)).mean())
        row["learned"] = row["train_acsa"] >= LEARNT
    return row


def that_learnt(rows):
    """Rows for means, ranks and claims: all but those whose classifier did not learn.

    Rows that do not say so, as those of a dummy and of older protocols, stay.
    """
    if "learned" not in rows:
        return rows
    return rows[rows["learned"].astype(str) != "False"]


def missing(cells, rows=None):
    """What a run would compute, and the hours it will take by the rows that are there.

    Parameters
    ----------
    cells : sequence of Cell
        Of a chapter's profile.
    rows : DataFrame, optional
        Of its store; none yet.

    Returns
    -------
    DataFrame
        One line for each protocol, data set and method with missing cells, in their
        order: ``n`` of them and their ``hours`` of one process. A cell is taken to last
        as long as the stored rows of its protocol with the same data set and method did
        in the mean, else as those with the same method, else as all of them; NaN where
        there are none.

    Examples
    --------
    >>> import pandas as pd
    >>> from helpers.runs import Cell
    >>> cells = [Cell("a", "counts", "mnist", m, 0, 0, "v1") for m in ("smote", "gan")]
    >>> done = pd.DataFrame([cells[0]]).assign(sampler_seconds=0, classifier_seconds=7200)
    >>> missing(cells, done)
      protocol dataset method  n  hours
    0       v1   mnist    gan  1    2.0
    """
    import pandas as pd

    key = [name for name in cells[0]._fields if name != "profile"]
    wanted = pd.DataFrame(cells)
    if rows is None or rows.empty:
        rows = wanted.iloc[:0].assign(sampler_seconds=0.0, classifier_seconds=0.0)
    done = pd.MultiIndex.from_frame(rows[key])
    wanted = wanted[~pd.MultiIndex.from_frame(wanted[key]).isin(done)]
    seconds = rows[["sampler_seconds", "classifier_seconds"]].sum(axis=1)
    hours = pd.Series(float("nan"), index=wanted.index)
    for like in (
        ["protocol", "dataset", "method"],
        ["protocol", "method"],
        ["protocol"],
    ):
        means = seconds.groupby([rows[name] for name in like]).mean() / 3600
        means = wanted[like].merge(
            means.rename("hours"), how="left", left_on=like, right_index=True
        )
        hours = hours.fillna(means["hours"])
    groups = ["protocol", "dataset", "method"]
    found = wanted.assign(hours=hours).groupby(groups, sort=False)["hours"]
    # A sum over cells of unknown length is unknown.
    found = found.agg(n="size", hours=lambda values: values.sum(skipna=False))
    return found.reset_index()
