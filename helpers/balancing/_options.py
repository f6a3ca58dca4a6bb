"""What the caller of `balance` asks for, checked, and the choice that follows from it."""

import re
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.model_selection import RepeatedStratifiedKFold

from ..checks import require_known
from ..provenance import own_code
from ..selection import AutoOverSampler, load_sampler
from ..tables import TableCodec
from ._text import matching

#: What is called otherwise on the command line.
_OPTIONS = {
    "time_budget": "--budget",
    "candidates": "--methods",
    "classifier": "--classifier",
    "min_gain": "--min-gain",
    "groups": "--group",
    "times": "--time",
    "scoring": "--for",
    "kinds": "--categorical, --dates or --drop",
}
#: Those of them that are words, too.
_WORDS = ("classifier", "groups", "times", "kinds")
_KINDS = {"category": "--categorical", "date": "--dates", "leave_out": "--drop"}


#: Records among which the line of names is looked for, where a title stands above it.
BELOW = 5


class Asked(NamedTuple):
    """What the caller wants; `balance` documents it."""

    target: str
    need: str = "decisions"
    cost_fn: float | None = None
    cost_fp: float | None = None
    methods: str = "auto"
    classifier: str | None = None
    categorical: tuple = ()
    dates: tuple = ()
    drop: tuple = ()
    group: str | None = None
    time: str | None = None
    budget: float | None = 600.0
    repeats: int | None = None
    splits: int | None = None
    alpha: float = 0.05
    min_gain: float = 0.01
    holdout: float = 0.0
    force: str | None = None
    mark: str | None = None
    seed: int = 0
    encoding: str = "utf-8"
    delimiter: str | None = None


def refuse_contradictions(asked):
    require_known("--for", asked.need, ["decisions", "ranking", "probabilities"])
    costs = [c for c in (asked.cost_fn, asked.cost_fp) if c is not None]
    if costs and asked.need != "decisions":
        raise ValueError(
            f"--cost-fn and --cost-fp are of decisions, and --for is {asked.need}; leave "
            "one of the two out."
        )
    if any(not 0 < c < np.inf for c in costs):
        raise ValueError(f"--cost-fn and --cost-fp must be above 0, got {costs}.")
    if asked.group and asked.time:
        raise ValueError(
            f"--group {asked.group} and --time {asked.time} both say how records are "
            "split; leave one out."
        )
    if asked.repeats and (asked.group or asked.time):
        raise ValueError(
            "--repeats is for splits at random, and --group or --time says otherwise; "
            "leave --repeats out."
        )
    if asked.splits and asked.time:
        raise ValueError("--splits are folds, and --time has none; leave one out.")
    for name, value, low in (
        ("--repeats", asked.repeats, 1),
        ("--splits", asked.splits, 2),
    ):
        if value is not None and value < low:
            raise ValueError(f"{name} {value}: give {low} or more.")
    if not 0 <= asked.holdout < 0.9:
        raise ValueError(
            f"--holdout {asked.holdout:g}: give a share below .9, such as .2."
        )
    if not 0 < asked.alpha < 1:
        raise ValueError(f"--alpha {asked.alpha:g}: give a share between 0 and 1.")
    if not 0 <= asked.min_gain < np.inf:
        raise ValueError(f"--min-gain {asked.min_gain:g}: give 0 or more.")
    if asked.budget is not None and not 0 < asked.budget < np.inf:
        raise ValueError(f"--budget {asked.budget:g}: give a time, such as 10m.")
    if asked.seed < 0:
        raise ValueError(f"--seed {asked.seed}: give 0 or more.")


def refuse_places(jobs, dask):
    """Where fits are computed: here, or on a cluster."""
    most = 4 * joblib.cpu_count()
    if jobs != -1 and not 1 <= jobs <= most:
        raise ValueError(f"--jobs {jobs}: give -1, a process per core, or 1 to {most}.")
    if dask == "":
        raise ValueError(
            "--dask '' names no scheduler; give its address, or leave it out."
        )
    if dask is not None and jobs != 1:
        raise ValueError(
            f"--jobs {jobs} is for this machine, and --dask for a cluster; leave one of "
            "the two out."
        )


def arm_of(candidate):
    """What an arm is called, of a candidate as it is named on the command line."""
    return candidate and candidate.rpartition(":")[2]


def refuse_force(asked, left_out, late):
    """A method that is to be used whatever comes, and cannot be.

    Parameters
    ----------
    asked : Asked
    left_out : dict of str to str
        Arm to why it is not judged.
    late : dict
        Those of them that would only take too long.
    """
    name = arm_of(asked.force)
    if name in left_out and name not in late:
        raise ValueError(
            f"--force {asked.force}: it cannot be used here ({left_out[name]}); name "
            "another method."
        )


def what_force_takes(asked, late):
    """A line on a method that does not fit into the budget and is used all the same."""
    name = arm_of(asked.force)
    if name not in late:
        return None
    about = "in a time that there was none left to find out"
    if late[name] is not None:
        # Of records set aside, a threshold is tuned as well, on part of the others.
        more = (2.75 if asked.need == "decisions" else 2.0) if asked.holdout else 1.0
        about = f"in about {more * late[name]:,.0f} s beyond it"
    return (
        f"--force {asked.force}: it does not fit into --budget and is not scored; the "
        f"table is balanced with it all the same, {about}."
    )


def seconds_of(text):
    """Seconds of a time such as ``90``, ``90s``, ``10m``, ``1.5h``; None of ``none``.

    Examples
    --------
    >>> seconds_of("10m"), seconds_of("1.5h"), seconds_of("none")
    (600.0, 5400.0, None)
    """
    if text == "none":
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)\s*(s|m|min|h)?", text.strip())
    if not match:
        raise ValueError(f"--budget {text!r}: give a time such as 90s, 10m or 1.5h.")
    units = {None: 1, "s": 1, "m": 60, "min": 60, "h": 3600}
    return float(match[1]) * units[match[2]]


def known_columns(asked, source):
    """Columns are named as in the file, but for spaces around; none is asked for twice."""
    names = [*source.frame.columns]
    one = {k: matching(getattr(asked, k), names) for k in ("target", "group", "time")}
    several = {
        k: tuple(matching(name, names) for name in getattr(asked, k))
        for k in ("categorical", "dates", "drop")
    }
    asked = asked._replace(**one, **several)
    first = source.frame.iloc[:BELOW].to_numpy(dtype=object)
    below = [asked.target in {str(value).strip() for value in row} for row in first]
    if asked.target not in names and any(below):
        raise ValueError(
            f"The first line must name the columns, and {asked.target!r} of --target stands "
            f"in line {source.table.lines[below.index(True)]}; remove what is above."
        )
    require_known("column in --target", asked.target, names)
    uses = {
        "--categorical": asked.categorical,
        "--dates": asked.dates,
        "--drop": asked.drop,
        "--group": (asked.group,) if asked.group else (),
        "--time": (asked.time,) if asked.time else (),
    }
    seen = {asked.target: "--target"}
    for option, columns in uses.items():
        for name in columns:
            require_known(f"column in {option}", name, names)
            if name in seen:
                raise ValueError(
                    f"Column {name!r} is named in {seen[name]} and {option}; leave one out."
                )
            seen[name] = option
    if asked.mark is not None and (asked.mark in names or not asked.mark):
        raise ValueError(
            f"--mark {asked.mark!r}: the table has such a column; give a name of its own."
        )
    try:
        (asked.mark or "").encode(source.table.encoding or "utf-8")
    except UnicodeEncodeError:
        raise ValueError(
            f"--mark {asked.mark!r} cannot be written in {source.table.encoding}; give "
            "another name."
        ) from None
    return asked


def chooser(asked, kinds, y, labels):
    """The choice as it was asked for.

    Parameters
    ----------
    asked : Options
    kinds : dict
        As in `TableCodec`.
    y : array
        Labels to learn from.
    labels : Series
        Those of the whole table, by which a class is the rarer one.
    """
    methods = asked.methods
    if methods not in ("auto", "all"):
        methods = [name.strip() for name in methods.split(",") if name.strip()]
        if not methods:
            raise ValueError(
                "--methods is empty; say auto, or names such as smote,gan."
            )
        forced = arm_of(asked.force)
        if forced and forced not in (*map(arm_of, methods), "nothing"):
            methods.append(asked.force)
    cv, budget = asked.splits, asked.budget
    if asked.repeats:
        cv = RepeatedStratifiedKFold(
            n_splits=asked.splits or 5,
            n_repeats=asked.repeats,
            random_state=asked.seed,
        )
    return AutoOverSampler(
        methods,
        _classifier(asked.classifier, asked.seed),
        scoring=asked.need,
        costs=_costs(asked, y, labels),
        cv=cv,
        alpha=asked.alpha,
        min_gain=asked.min_gain,
        time_budget=budget,
        codec=TableCodec(kinds=kinds) if kinds else None,
        groups=asked.group,
        times=asked.time,
        random_state=asked.seed,
    )


def _is_seed(name):
    return name.rpartition("__")[2] == "random_state"


def _classifier(name, seed):
    if name is None or ":" not in name:
        return name
    module, _, kind = name.partition(":")
    try:
        made = getattr(import_module(module), kind)()
        if hasattr(made, "get_params"):
            seeds = {k: v for k, v in made.get_params().items() if _is_seed(k)}
            made = clone(made)  # what a default holds is everybody's
            made.set_params(**{k: seed for k, v in seeds.items() if v is None})
    except ImportError as error:
        raise ValueError(f"--classifier {name}: {error}.") from None
    except AttributeError:
        raise ValueError(f"--classifier {name}: {module} has no {kind}.") from None
    except TypeError as error:
        raise ValueError(
            f"--classifier {name} cannot be made without arguments ({error})."
        ) from None
    if not (hasattr(made, "fit") and hasattr(made, "predict_proba")):
        raise ValueError(
            f"--classifier {name} has no predict_proba; name a classifier that has."
        )
    return made


def _costs(asked, y, labels):
    if asked.cost_fn is None and asked.cost_fp is None:
        return None
    classes = np.unique(y)
    if len(classes) != 2:
        raise ValueError(
            f"--cost-fn and --cost-fp are for two classes, and there are {len(classes)}; "
            "leave them out."
        )
    counts = [(labels == c).sum() for c in classes]
    if counts[0] == counts[1]:
        raise ValueError(
            "--cost-fn is the cost of missing a record of the rarer class, and both have "
            f"{counts[0]} records; leave a record of one out."
        )
    rare = int(np.argmin(counts))
    costs = np.zeros((2, 2))
    costs[rare, 1 - rare] = 1 if asked.cost_fn is None else asked.cost_fn
    costs[1 - rare, rare] = 1 if asked.cost_fp is None else asked.cost_fp
    return costs.tolist()


def with_force(auto, plan, force):
    """The candidates, with the one that is to be used whatever comes."""
    if force == "nothing" or not isinstance(auto.candidates, str):
        return auto.candidates
    names = [name for name in plan.arms if name != "nothing"]
    return names if arm_of(force) in names else [*names, force]


def as_options(message):
    """A message in the words of the command line."""
    message = re.sub(
        r"say how it is written, kinds=\{.*?\}, or convert it, pd\.to_datetime\.",
        "write its dates as 2024-12-31.",
        message,
    )
    message = message.replace(
        "make it missing, X.replace([np.inf, -np.inf], np.nan), or leave such rows out",
        "leave such fields empty, or leave such rows out",
    )
    message = re.sub(
        r"kinds=\{(.+?): '(category|date|leave_out)'\}",
        lambda found: f"{_KINDS[found[2]]} {found[1]}",
        message,
    )
    message = re.sub(r"kinds=\{[^{}]+: 'number'\}", "--categorical or --dates", message)
    message = message.replace(
        "give more, or a store, with which the same call goes on",
        "give more, and the same call goes on",
    )
    message = re.sub(
        r"(give the arm another name, or )?name another store",
        "name another folder, --out, or begin anew, --overwrite",
        message,
    )
    for name, option in _OPTIONS.items():
        # Names in quotes are those of columns, and groups are groups where none is meant.
        said = "" if name not in _WORDS else r"(?==|\)| has\b| says\b| names\b)"
        message = re.sub(rf"(?<![\w'-]){name}\b{said}", option, message)
    return message.replace("give cv fewer folds", "lower --splits")


def plainly(asked):
    """Options as JSON has them."""
    return {k: [*v] if isinstance(v, tuple) else v for k, v in asked._asdict().items()}


def decisive(asked, auto):
    """What the rows depend on; another table can be written from the same ones."""
    told = plainly(asked)
    told = {k: v for k, v in told.items() if k not in ("force", "mark")}
    # The plan that a budget made is kept, and more time may be given to carry it out.
    told["budget"] = "none" if asked.budget is None else "in seconds"
    named = [] if isinstance(auto.candidates, str) else auto.candidates
    # A method that is only forced has no rows; `store` tells its code by the arm.
    asked_for = [name.strip() for name in asked.methods.split(",")]
    named = [n for n in named if ":" in n and (n != asked.force or n in asked_for)]
    code = own_code(auto.classifier) + own_code([*map(load_sampler, named)])
    return told | ({"code of --methods and --classifier": code} if code else {})


def folder_of(path, out):
    if out is not None:
        return Path(out)
    name = Path(path).name
    for end in (".gz", ".csv", ".tsv", ".txt", ".parquet", ".feather"):
        name = name.removesuffix(end)
    return Path(f"{name}-balanced")
