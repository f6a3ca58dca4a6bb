"""`recipe.py`: the verdict's pipeline as a script that runs as written."""

import ast
import inspect
import sys
from numbers import Integral
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import RepeatedStratifiedKFold

import helpers

from ..provenance import own_file
from ..selection import FOLDS

_TEXT = '''"""What `deep-oversampling balance` found for {name}: {advice}
{forced}
The whole treatment is one estimator, so that it is learned inside every training part:
put `pipeline` into your own cross-validation, or fit it on `X` and `y` and predict.
{aside}Run as it is, it scores itself; {score}.
"""

{imports}

TARGET = {target!r}
table = read_table({path!r}, TARGET, encoding={encoding!r}, delimiter={delimiter!r})
frame = table.frame
{held}y = frame[TARGET].to_numpy()
X = frame.drop(columns={drop!r})

pipeline = {pipeline}

if __name__ == "__main__":
    {cv}
    {scorer}
    scores = cross_val_score(pipeline, X, y, {how})
    {sign}print(f"{metric} {{scores.mean():.3f}} (spread {{scores.std(ddof=1):.3f}}, "
          f"{{len(scores)}} splits)")
'''


def recipe(
    path,
    source,
    target,
    drop,
    auto,
    method,
    metric,
    advice,
    positive=None,
    costs=None,
    forced=False,
    holdout=None,
):
    """The text of ``recipe.py``.

    Parameters
    ----------
    path : Path
        The input, as it is to be named in the script.
    source : Source
    target, drop
        Columns.
    auto : AutoOverSampler
        After its choice.
    method : str
        The arm.
    metric : str
    advice : str
    positive : label, optional
        Of two classes, the rarer one.
    costs : array, optional
    forced : bool
        Whether `method` is not what was found.
    holdout : float, optional
        Share of records that are set aside, here as in the report.

    Returns
    -------
    str
    """
    imports = {("helpers.balancing", "read_table")}
    pipeline = source_of(auto.recipes_[method], imports)
    imports.add(("sklearn.model_selection", "cross_val_score"))
    score = "the report has no score of it, as it did not fit into the budget"
    if method in auto.comparison_.index:
        row = auto.comparison_.loc[method]
        how = (
            "with other draws" if auto.times is None else "from fewer rows of each part"
        )
        score = f"the report, {how}, says {row[metric]:.3f} (spread {row['sd']:.3f})"
    how, sign = "cv=cv, scoring=scorer", ""
    folds, repeats = auto.cv if isinstance(auto.cv, Integral) else FOLDS, 2
    if isinstance(auto.cv, RepeatedStratifiedKFold):
        repeats = auto.cv.n_repeats
        folds = auto.cv.get_n_splits() // repeats
    if auto.groups is not None:
        imports.add(("sklearn.model_selection", "StratifiedGroupKFold"))
        cv = (
            f"cv = StratifiedGroupKFold({folds}, shuffle=True, "
            f"random_state={auto.random_state})"
        )
        how += f", groups=X[{auto.groups!r}]"
    elif auto.times is not None:
        imports |= {("helpers.selection", "forward"), ("helpers.selection", "in_time")}
        cv = f"cv = forward(in_time(X[{auto.times!r}]), {auto.verdict_.n_splits})"
    else:
        imports.add(("sklearn.model_selection", "RepeatedStratifiedKFold"))
        cv = (
            f"cv = RepeatedStratifiedKFold(n_splits={folds}, n_repeats={repeats}, "
            f"random_state={auto.random_state})"
        )
    if metric == "mean_recall":
        scorer = 'scorer = "balanced_accuracy"'
    elif metric == "log_loss":
        scorer, sign = 'scorer = "neg_log_loss"', "scores = -scores\n    "
    elif metric == "average_precision":
        imports |= {
            ("sklearn.metrics", "average_precision_score"),
            ("sklearn.metrics", "make_scorer"),
        }
        more = ""
        if positive is not None:
            more = f", pos_label={source_of(positive, imports)}"
        scorer = (
            "scorer = make_scorer(\n        average_precision_score, "
            f'response_method="predict_proba"{more}\n    )'
        )
    else:
        imports |= {("sklearn.metrics", "confusion_matrix")}
        scorer = (
            f"costs = {np.asarray(costs).tolist()}  # true class, decided class\n\n"
            "    def scorer(fitted, X, y):\n"
            "        table = confusion_matrix(y, fitted.predict(X), "
            "labels=fitted.classes_)\n"
            "        return (table * costs).sum() / len(y)\n"
        )
    held = ""
    if holdout:
        imports.add(("helpers.balancing", "set_aside"))
        told = [
            ("group", auto.groups),
            ("time", auto.times),
            ("seed", auto.random_state),
        ]
        told = [f", {name}={value!r}" for name, value in told if value is not None]
        held = (
            f"held = set_aside(frame, TARGET, {holdout!r}{''.join(told)})\n"
            "frame = frame.drop(index=held).reset_index(drop=True)\n"
        )
    text = _TEXT.format(
        name=_plain(Path(path).name),
        advice=_plain(advice),
        forced=f"As told, the pipeline is that of {_plain(method)} all the same.\n"
        if forced
        else "",
        aside="They lack the records that `--holdout` sets aside. " if holdout else "",
        held=held,
        score=score,
        imports=_imports(imports),
        target=target,
        path=str(path),
        encoding=source.table.encoding or "utf-8",
        delimiter=source.table.delimiter,
        drop=[target, *drop],
        pipeline=pipeline,
        cv=cv,
        scorer=scorer,
        how=how,
        sign=sign,
        metric=metric.replace("_", " "),
    )
    ast.parse(text)
    return text


def _plain(text):
    """A text that cannot end a docstring."""
    return "".join(c for c in str(text) if c.isprintable() and c not in "\\\"'")


def _imports(found):
    by_module = {}
    for module, name in sorted(found):
        by_module.setdefault(module, []).append(name)
    others = {m: n for m, n in by_module.items() if not m.startswith("helpers")}
    own = {m: n for m, n in by_module.items() if m.startswith("helpers")}
    theirs = {m: f for m in others if (f := _folder(m))}
    lines = [f"from {m} import {', '.join(n)}" for m, n in others.items()]
    if theirs:
        told = [f"sys.path.append({str(f)!r})" for f in dict.fromkeys(theirs.values())]
        lines = ["import sys", "", *told, "", *lines]
    lines += [f"from {m} import {', '.join(n)}" for m, n in own.items()]
    return "\n".join(lines)


def _folder(module):
    """Where the module of a sampler of the caller's own is imported from, or None."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None or own_file(sys.modules[module]) is None:
        return None
    file = Path(file).resolve()
    return file.parents[module.count(".") + (file.name == "__init__.py")]


def source_of(value, imports):
    """Python that makes an estimator, with the parameters that are not the defaults.

    Parameters
    ----------
    value : estimator, or what `repr` writes
    imports : set of (module, name)
        Added to.
    """
    if isinstance(value, BaseEstimator):
        kind = type(value)
        module = ".".join(
            part for part in kind.__module__.split(".") if not part.startswith("_")
        )
        if kind.__module__.split(".")[0] == "helpers" and hasattr(
            helpers, kind.__name__
        ):
            module = "helpers"
        imports.add((module, kind.__name__))
        defaults = _defaults(kind)
        told = [
            f"{name}={source_of(given, imports)}"
            for name, given in value.get_params(deep=False).items()
            if name not in defaults or not _same(given, defaults[name])
        ]
        return f"{kind.__name__}({', '.join(told)})"
    if isinstance(value, dict):
        pairs = (
            f"{source_of(k, imports)}: {source_of(v, imports)}"
            for k, v in value.items()
        )
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        inner = ", ".join(source_of(v, imports) for v in value)
        if isinstance(value, list):
            return f"[{inner}]"
        return f"({inner}{',' * (len(value) == 1)})"
    if isinstance(value, np.ndarray | np.generic):
        return repr(value.tolist())
    return repr(value)


def _defaults(kind):
    parameters = inspect.signature(kind.__init__).parameters
    return {name: p.default for name, p in parameters.items()}


def _same(a, b):
    return type(a) is type(b) and repr(a) == repr(b)
