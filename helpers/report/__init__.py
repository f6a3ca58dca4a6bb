"""What `balance` found, as JSON, as Markdown and as one page of HTML.

The page opens offline, needs no scripts, and shows every value as text: names and cells
come from anybody. So does the Markdown.

``report.json`` has the schema ``deep-oversampling-balance/1``, which
``helpers/templates/report.schema.json`` writes down; another number means that a field was
removed or means something else; fields may be added. Numbers that are not there are null.

``schema, created, seconds, versions, commit, command`` (options as given)
    Where it comes from.
``input``
    ``file, sha256, records, columns, kind, encoding, delimiter``.
``audit``
    ``columns`` (``name, kind, why, missing, seen``), ``classes`` (``label, records``),
    ``rarest, duplicates, conflicts``, ``warnings`` (``about, text``).
``verdict``
    The fields of `helpers.selection.Verdict`, and ``text``.
``arms``
    A list, from simple to complex: ``method``, its ``score, sd, n, seconds``, and
    ``gain, low, high, p, p_holm, detectable, log_loss_change, eligible, why`` against
    nothing. The last, "auto", is the choice itself.
``metric, left_out, gains``
    Name of the score; arm to why it was not tried; gains in parts (``need, method, part,
    gain, low, high``).
``reliability``
    Two classes only: of nothing and, if it was scored, of the method, ``said`` and ``seen`` shares of the
    rarer class in tenths of the records that were tested on.
``costs``
    Two classes only: the least cost that a threshold gives, of nothing and of the method,
    ``at`` each share of it that is due to rare records; ``asked``, the share that was
    asked for.
``balanced``
    ``method``; ``forced``, whether it was told; ``departs``, whether it is not the
    verdict's; ``repeats``, whether its new rows are old ones; ``kept, new`` records.
``new_rows``
    Null without any: ``records, copies, near_copies, near_limit, distances, columns, map``.
``holdout``
    Null without any: ``records`` and ``scores`` of nothing and of the method.
``files, cite``
    What was written, and what to cite.
"""

import json
import math
import os
from datetime import UTC, datetime
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    confusion_matrix,
    log_loss,
)

from .. import provenance
from ..display import plain
from ._pictures import (
    cost_picture,
    gain_picture,
    map_picture,
    marginal_pictures,
    reliability_picture,
)

SCHEMA = "deep-oversampling-balance/1"
NO_ANONYMISATION = (
    "New rows are made from the old ones and may lie close to them: this is no "
    "anonymisation, and the new table is as confidential as the old one."
)
#: What to cite for which method; the book, in any case.
PAPERS = {
    "smote": "Chawla et al., SMOTE, JAIR 16, 2002",
    "gan": "Goodfellow et al., Generative adversarial nets, NeurIPS 2014",
    "ctgan": "Xu et al., Modeling tabular data using conditional GAN, NeurIPS 2019",
    "tab_ddpm": "Kotelnikov et al., TabDDPM, ICML 2023",
}
RULE = (
    "Nadeau and Bengio, Inference for the generalization error, Machine Learning 52, 2003",
    "Tsamardinos et al., Bootstrapping the out-of-sample predictions, Machine Learning "
    "107, 2018",
)


def scores(decided, p, labels, classes, auto):
    """Scores on records that nothing was learned from.

    Parameters
    ----------
    decided : array of shape (n,)
    p : array of shape (n, K)
    labels : array of shape (n,)
    classes : array of shape (K,)
    auto : AutoOverSampler

    Returns
    -------
    dict
        ``mean_recall`` (or ``cost``), ``average_precision, log_loss``.
    """
    hot = np.asarray(labels)[:, None] == classes
    found = {"mean_recall": balanced_accuracy_score(labels, decided)}
    if auto.costs is not None:
        table = confusion_matrix(labels, decided, labels=classes)
        found["cost"] = (table * np.asarray(auto.costs)).sum() / len(labels)
    ranked = range(len(classes))
    if len(classes) == 2:
        ranked = [auto._positive]  # also where these records have more of it
    found["average_precision"] = np.mean(
        [average_precision_score(hot[:, k], p[:, k]) for k in ranked]
    )
    found["log_loss"] = log_loss(labels, p, labels=classes)
    return {name: float(value) for name, value in found.items()}


def facts(
    *,
    path,
    source,
    asked,
    found,
    auto,
    method,
    positive,
    n_kept,
    repeats,
    new_rows,
    holdout,
    seconds,
    files,
):
    """The report as data; see the head of this module for its schema.

    Parameters
    ----------
    path : path-like
    source : Source
    asked : dict
        Options.
    found : dict
        The audit.
    auto : AutoOverSampler
        After its choice.
    method : str
        By which the table was balanced.
    positive : label or None
        The rarer of two classes.
    n_kept : int
        Old records in the balanced table.
    repeats : bool
        Whether new rows are old ones, ids and all.
    new_rows, holdout : dict or None
    seconds : float
    files : dict of str to str

    Returns
    -------
    dict
    """
    metric = auto.comparison_.columns[0]
    arms = auto.comparison_.rename(columns={metric: "score"}).reset_index()
    cite = [*RULE, *([PAPERS[method]] if method in PAPERS else [])]
    data = {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": seconds,
        **provenance.environment(),
        "command": asked,
        "input": {
            # A name of another encoding has bytes that no text may hold.
            "file": os.fsencode(Path(path).name).decode("utf-8", "replace"),
            "sha256": source.digest,
            "records": len(source.frame),
            "columns": source.frame.shape[1],
            "kind": source.table.kind,
            "encoding": source.table.encoding,
            "delimiter": source.table.delimiter,
        },
        "audit": found,
        "verdict": {**auto.verdict_._asdict(), "text": str(auto.verdict_)},
        "metric": metric,
        "arms": arms.to_dict("records"),
        "left_out": auto.left_out_,
        "gains": auto.gains_.to_dict("records"),
        "reliability": _reliability(auto, method, positive),
        "costs": _costs(auto, method, positive),
        "balanced": {
            "method": method,
            "forced": asked["force"] is not None,
            "departs": method != auto.verdict_.chosen,
            "repeats": repeats,
            "kept": n_kept,
            "new": new_rows["records"] if new_rows else 0,
        },
        "new_rows": new_rows,
        "holdout": holdout,
        "files": files,
        "cite": [provenance.project_url(), *cite],
    }
    return _json(data)


def _json(value):
    """Plain types, without what JSON does not have."""
    if isinstance(value, dict):
        return {str(k): _json(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_json(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _judged(auto, method):
    """Nothing, and the method if it was scored."""
    return [
        k for k in dict.fromkeys(["nothing", method]) if k in auto.comparison_.index
    ]


def _reliability(auto, method, positive, n_bins=10):
    """Said and seen shares of the rarer class, in tenths of the tested records."""
    if positive is None:
        return None
    found = {}
    for name in _judged(auto, method):
        own = auto.predictions_[auto.predictions_["method"] == name]
        said = own[f"p_{positive}"].to_numpy()
        seen = (own["true"] == positive).to_numpy()
        parts = np.array_split(np.argsort(said, kind="stable"), n_bins)
        found[name] = {
            "said": [float(said[rows].mean()) for rows in parts if len(rows)],
            "seen": [float(seen[rows].mean()) for rows in parts if len(rows)],
        }
    return found


def _costs(auto, method, positive, n=41):
    """Cost curves: the least expected cost by a threshold, for every weight of mistakes.

    At a weight of w, missing all rare records costs w, and calling all others rare, 1 - w.
    Doing neither or both costs the smaller of the two.
    """
    if positive is None:
        return None
    at = np.linspace(0, 1, n)
    said = auto.predictions_
    own = said[said["method"] == "nothing"]
    rare = float((own["true"] == positive).mean())
    miss, false = 1.0, 1.0
    if auto.costs is not None:
        k = int(np.flatnonzero(auto.classes_ == positive)[0])
        costs = np.asarray(auto.costs, dtype=float)
        miss, false = costs[k, 1 - k], costs[1 - k, k]
    elif (
        auto.verdict_.need == "decisions"
    ):  # by mean recall, both classes weigh the same
        miss, false = 1 / rare, 1 / (1 - rare)
    found = {}
    for name in _judged(auto, method):
        own = said[said["method"] == name]
        p, true = own[f"p_{positive}"].to_numpy(), (own["true"] == positive).to_numpy()
        order = np.argsort(-p, kind="stable")
        last = np.append(np.diff(p[order]) != 0, True)
        hits, n_true = np.cumsum(true[order]), true.sum()
        calls = np.arange(1, len(p) + 1)
        missed = np.append(1.0, 1 - hits[last] / n_true)
        called = np.append(0.0, (calls - hits)[last] / (len(p) - n_true))
        found[name] = [
            float((w * missed + (1 - w) * called).min()) for w in at.tolist()
        ]
    asked = rare * miss / (rare * miss + (1 - rare) * false)
    return {"at": at.tolist(), "asked": float(asked), "least": found}


# -------------------------------------------------------------------- three forms


def as_json(data):
    """The report as ``report.json``."""
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_markdown(data):
    """The report as ``report.md``."""
    return _templates(plain).get_template("report.md").render(_shown(data))


def as_html(data):
    """The report as ``report.html``."""
    return _templates(None).get_template("report.html").render(_shown(data))


def _templates(shown):
    """Templates in which every value is escaped: as HTML, or by `shown`."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("helpers", "templates"),
        autoescape=shown is None,
        finalize=None if shown is None else lambda value: _once(value, shown),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "percent": _percent, "signed": _signed}
    return environment


def _how_to_learn(data):
    """What a classifier must not be shown of the balanced table; None without new rows."""
    new, mark = data["new_rows"], data["command"]["mark"]
    if not new:
        return None
    told = (
        "Never cross-validate the balanced table: its new rows are made of old ones, which "
        f"would stand on both sides of a split. {data['files']['recipe']} balances inside "
        "of each training part."
    )
    hints = [c["name"] for c in data["audit"]["columns"] if c["kind"] == "leave_out"]
    hints = [] if data["balanced"]["repeats"] else hints
    signs = [f"nothing in {', '.join(hints)}"] if hints else []
    signs += [f"a 1 in {mark}"] if mark else []
    if signs:
        told += (
            f" New rows have {' and '.join(signs)}, which gives their class away: leave "
            "that out before a classifier learns."
        )
    return told


def _once(value, shown):
    return value if isinstance(value, int | float | Markup) else shown(value)


def _number(value, digits=3):
    return Markup("–" if value is None else f"{value:,.{digits}f}")


def _signed(value, digits=3):
    return Markup("–" if value is None else f"{value:+.{digits}f}")


def _percent(value):
    return Markup("–" if value is None else f"{value:.1%}")


def _shown(data):
    """The data, and what only a page needs: positions of what is drawn, with their words."""
    return {
        **data,
        "metric_name": data["metric"].replace("_", " "),
        "no_anonymisation": NO_ANONYMISATION,
        "how_to_learn": _how_to_learn(data),
        "gain_picture": gain_picture(data),
        "reliability_picture": reliability_picture(data),
        "cost_picture": cost_picture(data),
        "marginal_pictures": marginal_pictures(data),
        "map_picture": map_picture(data),
        "advice": data["verdict"]["advice"],
    }
