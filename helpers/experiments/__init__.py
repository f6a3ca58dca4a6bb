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
