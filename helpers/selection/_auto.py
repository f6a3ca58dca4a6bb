"""`AutoOverSampler`: a choice among arms by a rule fixed beforehand; nothing can win.

Longer than other modules: a third of it is what its users read.
"""

import numbers
import os
import time
import uuid
import warnings
from typing import NamedTuple

import joblib
import numpy as np
import pandas as pd
from imblearn.over_sampling.base import BaseOverSampler
from sklearn.base import clone
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import (
    check_is_fitted,
)

from ..checks import labels_of, require_known
from ..evaluation import evaluate
from ..tables import TableCodec, TabularOverSampler, labels_after
from . import _arms, _splits
from ._arms import ALWAYS
from ._bias import by_split, gain_of_choice
from ._checks import checked, checked_costs, refuse_contradictions
from ._classifier import ResampledClassifier, named_classifier
from ._plan import LAST, Plan, last_seconds, make_plan, timed
from ._rule import Rule, choose, forward_splits, tellable
from ._scores import NEEDS, OutOfTime, Scored, Scorer, decision_metric, no_metrics
from ._verdict import (
    conclude,
    gains_in_parts,
    metric_of,
    score_with,
    unit_of,
    untuned,
    with_threshold,
)

#: Needs whose smallest gain is roughly known from the rows alone.
TOLD_BEFORE = ("decisions",)


class _Prepared(NamedTuple):
    """What a choice knows before it fits anything."""

    frame: pd.DataFrame
    y: np.ndarray
    codes: np.ndarray
    costs: np.ndarray | None
    kinds: dict
    told: dict  #: the same as a codec takes it, of the times too
    arms: list
    left_out: dict
    splits: list
    estimators: dict
    seed: int  #: of the bootstrap


class AutoOverSampler(BaseOverSampler):
    """Choose how to treat an imbalanced table, by a rule that may say: not at all.

    Every candidate is scored on the same splits of the table, with codec, sampler,
    threshold and calibration learned inside of the training part. An arm is chosen only
    where it is shown to gain over doing nothing, and over the simpler arm that would be
    chosen. `fit_resample` then treats the whole table accordingly.

    Parameters
    ----------
    candidates : "auto", "all", list or dict, default="auto"
        Names (``"threshold", "class_weight", "random_oversampling",
        "random_undersampling", "smote"``, those of `helpers.over_sampling.SAMPLERS`,
        ``"package:Class"``) or samplers; a dict gives them other names. "auto" is what fits
        the table: its kinds of columns, the rows of its rarest class and, for networks,
        the `time_budget`. "all" tries networks whatever they take. For decisions
        "threshold" is always among them, whose gain no sampler can claim then.
    classifier : {"logistic", "boosting"} or scikit-learn classifier, optional
        The one that will be used: the verdict holds for it, and may be another for
        another. Sees the table as numbers in [0, 1]. None is "logistic", see Notes. What
        one that weighs its classes by itself says is turned back to the shares of the
        rows, and "nothing" decides by that.
    scoring : {"decisions", "ranking", "probabilities"}, default="decisions"
        What the classifier is for. Decisions are scored by mean recall, or by their cost
        per row if `costs` are given; ranking by average precision, of the rarer of two
        classes, or the mean over several; probabilities by log loss.
    costs : array-like of shape (K, K), optional
        Cost of taking a row of one class (row of the array) for another (column), classes
        in sorted order.
    cv : int, scikit-learn splitter or iterable of (train, test), optional
        Folds of each repeat, or the splits themselves. None: five folds, stratified.
    alpha : float in (0, 1), default=0.05
        Chance of any departure from nothing where no arm gains.
    min_gain : float, default=0.01
        Least mean gain worth a departure, in the unit of the score; of log loss, relative.
    time_budget : float, optional
        Seconds for `fit_resample`, kept but for the moment that the last fit takes. Trial
        fits plan the splits, 10 to 50, before any score is seen, and leave out by name what
        cannot finish. None: 25 splits, the same on every machine. Few groups have fewer.
    sampling_strategy : float, str or callable, default="auto"
        As in imbalanced-learn, for every sampler; "auto" leaves them their own.
    codec : TableCodec, optional
        What is to differ from its defaults, such as its `kinds`.
    groups : column of X, optional
        Rows with the same value, of one patient say, are never parted. Not learned from,
        as `times`; rows that are made have none, repeated ones keep theirs.
    times : column of X, optional
        Dates or numbers: training rows come before those to test on. No test is made then;
        an arm must gain in every one of at least five splits.
    store : path-like, optional
        CSV file of the rows, predictions in a folder and the plan in a file beside it.
        Killed, the same call goes on. Needs a whole number as `random_state`.
    random_state : int, RandomState or None, default=None
        Decides splits and samplers, and with `time_budget=None` everything but a
        `classifier` that has none of its own.
    n_jobs : int, optional
        Processes, as in joblib.
    verbose : bool, default=False
        Say what is tried, and show progress.

    Attributes
    ----------
    verdict_ : Verdict
        What was chosen, why and how surely; ``print(auto.verdict_)``.
    best_sampler_ : sampler or None
        Fitted on the table, by `fit_resample` or `treat`. None where rows are left as they
        are: nothing, threshold, class_weight.
    recipe_ : ResampledClassifier
        Not fitted. The treatment chosen with the classifier: what to fit on the table, and
        to hand to cross-validation. The only way to get a threshold or weights.
    recipes_ : dict of str to ResampledClassifier
        The same of every arm that was judged, or left out for its time.
    comparison_ : DataFrame, one row per arm
        Mean score, its spread ``sd`` over ``n`` splits, seconds of a fit; ``gain, low,
        high`` over nothing (Bonferroni's interval), ``p``, ``p_holm``, the smallest gain
        ``detectable`` with power .8, ``log_loss_change``, whether it was ``eligible``,
        and ``why`` it was chosen or not. A last row, "auto", scores the choice itself:
        bootstrap bias-corrected cross-validation, intervals of 95 %.
    gains_ : DataFrame
        Gains of every arm for each of the three needs, in parts: ranking, threshold,
        calibration.
    rows_ : DataFrame, one row per arm and split
    predictions_ : DataFrame
        What every arm said of every test row: ``method, fold, row, true, predicted``,
        ``p_<class>``.
    n_splits_ : int
        Splits planned.
    left_out_ : dict of str to str
        Arm to why it was not tried, or is not judged.
    synthetic_mask_ : ndarray of bool, one per returned row
        True where the row was generated.
    classes_ : ndarray

    Raises
    ------
    ValueError
        Before anything is trained: labels that are missing or of one class, a class or
        groups that leave a part of a split without it, parameters that contradict one
        another, unknown candidates. After the trial fits: a time budget too small for
        nothing and one other arm.

    See Also
    --------
    ResampledClassifier : the recipe.

    Notes
    -----
    The rule, fixed before any score is seen. Nothing is the default. An arm is *eligible*
    if the corrected resampled t-test of its gain over nothing gives p < alpha after Holm
    over all arms, its mean gain is at least `min_gain`, and its log loss, corrected for
    the shares of the classes, at most 2 % worse. From simple to complex (threshold,
    weights, random sampling, SMOTE's kind, networks and others), an eligible arm replaces
    the one chosen so far only if the test between the two gives p < alpha too, which is
    not corrected for the number of arms, and `min_gain` holds between them. Where groups
    are never parted, the test has fewer degrees of freedom than there are groups. Forward
    in time an arm must gain in each of at least five splits, and in so many more that one
    of all arms does so by chance with a probability below alpha.

    The decisions of every arm but nothing are tuned, on a quarter of the training part
    that neither sampler nor classifier sees; else samplers would win by a threshold in
    disguise. All arms, nothing too, learn from the other three quarters, so that one fit
    serves ranking, decisions and probabilities, and no arm is favoured.

    Logistic regression is the default because its fits are the same every time and take
    milliseconds, and its probabilities are calibrated, so that gains are told from less
    data. Where another will be used, name it.

    In a pipeline, the choice is made anew inside every training part. A verdict "threshold"
    or "class_weight" then leaves the rows as they are and reaches no later step: put
    ``recipe_`` in the place of sampler and classifier instead.

    References
    ----------
    .. [1] Nadeau and Bengio, "Inference for the generalization error", Machine Learning
       52, 2003.
    .. [2] Tsamardinos, Greasidou and Borboudakis, "Bootstrapping the out-of-sample
       predictions for efficient and accurate cross-validation", Machine Learning 107,
       2018.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from helpers import AutoOverSampler
    >>> X, y = make_classification(n_samples=400, weights=[0.9], class_sep=2, random_state=0)
    >>> auto = AutoOverSampler(["threshold", "smote"], scoring="ranking", random_state=0)
    >>> X_out, y_out = auto.fit_resample(X, y)
    >>> auto.verdict_.chosen, len(X_out)
    ('nothing', 400)
    """

    _parameter_constraints: dict = {
        "candidates": ["array-like", dict, StrOptions({"auto", "all"})],
        "classifier": [HasMethods(["fit", "predict_proba"]), str, None],
        "scoring": [StrOptions({*NEEDS})],
        "costs": ["array-like", None],
        "cv": ["cv_object"],
        "alpha": [Interval(numbers.Real, 0, 1, closed="neither")],
        "min_gain": [Interval(numbers.Real, 0, None, closed="left")],
        "time_budget": [Interval(numbers.Real, 0, None, closed="neither"), None],
        "sampling_strategy": BaseOverSampler._parameter_constraints[
            "sampling_strategy"
        ],
        "codec": [TableCodec, None],
        "groups": "no_validation",
        "times": "no_validation",
        "store": [str, os.PathLike, None],
        "random_state": ["random_state"],
        "n_jobs": [numbers.Integral, None],
        "verbose": ["boolean"],
    }

    def __init__(
        self,
        candidates="auto",
        classifier=None,
        *,
        scoring="decisions",
        costs=None,
        cv=None,
        alpha=0.05,
        min_gain=0.01,
        time_budget=None,
        sampling_strategy="auto",
        codec=None,
        groups=None,
        times=None,
        store=None,
        random_state=None,
        n_jobs=None,
        verbose=False,
    ):
        self.candidates = candidates
        self.classifier = classifier
        self.scoring = scoring
        self.costs = costs
        self.cv = cv
        self.alpha = alpha
        self.min_gain = min_gain
        self.time_budget = time_budget
        self.sampling_strategy = sampling_strategy
        self.codec = codec
        self.groups = groups
        self.times = times
        self.store = store
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    # ------------------------------------------------------------------ public face

    def fit(self, X, y):
        """Choose, without resampling the whole table.

        Parameters
        ----------
        X : DataFrame, or array-like of shape (n, n_features)
        y : array-like of shape (n,)

        Returns
        -------
        self
        """
        self._choose(X, y)
        return self

    def fit_resample(self, X, y):
        """Choose, and return the table as the verdict has it.

        Parameters
        ----------
        X : DataFrame, or array-like of shape (n, n_features)
        y : array-like of shape (n,)
            Class labels of any kind.

        Returns
        -------
        X_resampled, y_resampled
            Original rows first, as they came, and new rows after them; the very input
            where rows are to be left as they are. Only "random_undersampling" takes rows
            away.
        """
        self._choose(X, y)
        return self.treat(X, y, self.verdict_.chosen)

    def plan(self, X, y, *, measure="all"):
        """What `fit` will try, how often and how long, without fitting any of it whole.

        Parameters
        ----------
        X : DataFrame, or array-like of shape (n, n_features)
        y : array-like of shape (n,)
        measure : {"all", "plain", None}, default="all"
            Which arms are timed, on some of the rows and, where they are networks, for a
            part of their epochs: all, those without a network, or none. Arms that are not
            timed are not left out for their time, either. "plain" has fewer trials, and
            says rather too much, as nothing holds to it.

        Returns
        -------
        Plan
            ``print(auto.plan(X, y))``. Of all arms, with a `store` and a `time_budget`, it
            is kept, and `fit` holds to it.

        Raises
        ------
        ValueError
            As from `fit`.
        """
        require_known("measure", measure or "none", ["all", "plain", "none"])
        started = time.time()
        made = self._prepared(X, y, make=measure == "all")
        plan = {"n_splits": len(made.splits), "seconds": {}, "left_out": {}}
        if measure:
            plan = self._planned(made, started, networks=measure == "all", always=True)
        left_out = {**made.left_out, **plan["left_out"]}
        arms = ["nothing", *(a.name for a in made.arms if a.name not in left_out)]
        seconds = {k: s for k, s in plan["seconds"].items() if k not in left_out}
        n = plan["n_splits"]
        total = np.nan
        if measure:
            jobs = joblib.effective_n_jobs(self.n_jobs)
            total = n * sum(seconds.values()) / jobs + LAST * max(seconds.values())
        gain = np.nan
        if self.times is None and self.costs is None and self.scoring in TOLD_BEFORE:
            _, test = made.splits[0]
            gain = tellable(
                np.bincount(made.codes),
                n,
                max(len(arms) - 1, 1),
                self.alpha,
                self.min_gain,
                len(made.codes) / len(test),
                None if self.groups is None else made.frame[self.groups].nunique(),
            )
        unit = unit_of(self.scoring, self.costs)
        late = plan.get("late", {})
        return Plan(tuple(arms), left_out, n, seconds, float(total), gain, unit, late)

    def treat(self, X, y, method):
        """The table as one of the arms treats it, whatever the verdict.

        Parameters
        ----------
        X, y
            The table that the choice was made for.
        method : str
            Name of an arm in ``recipes_``.

        Returns
        -------
        X_resampled, y_resampled
            As of `fit_resample`; `best_sampler_` and `synthetic_mask_` follow.
        """
        check_is_fitted(self, "recipes_")
        require_known("arm", method, self.recipes_)
        sampler = self.recipes_[method].sampler
        self.synthetic_mask_ = np.zeros(len(y), dtype=bool)
        self.best_sampler_ = None
        if sampler is None:
            return X, y
        sampler = clone(sampler)
        if isinstance(sampler, TabularOverSampler):
            # The columns of groups and times are told to be left out.
            kinds = {**(sampler.codec.kinds or {}), **self._asides}
            sampler.set_params(codec=clone(sampler.codec).set_params(kinds=kinds))
        if _arms.repeats(sampler):
            X_out, _ = sampler.fit_resample(X, labels_of(y))
            n_new = len(sampler.sample_indices_) - len(y)
            if n_new > 0 and isinstance(X, pd.DataFrame):  # else it is renumbered
                index = X.index.append(labels_after(X.index, n_new))
                X_out = X_out.set_axis(index)
            y_out = _safe_indexing(y, sampler.sample_indices_)
            if hasattr(y_out, "set_axis") and isinstance(X_out, pd.DataFrame):
                y_out = y_out.set_axis(X_out.index)
        else:
            X_out, y_out = sampler.fit_resample(X, y)
        self.best_sampler_ = sampler
        self.synthetic_mask_ = np.arange(len(y_out)) >= len(y)
        return X_out, y_out

    # ------------------------------------------------------------------ the choice

    def _choose(self, X, y):
        try:
            self._chosen(X, y)
        except BaseException:
            # Nothing is left of the choice before, or of half of this one.
            for name in [name for name in vars(self) if name.endswith("_")]:
                delattr(self, name)
            raise

    def _chosen(self, X, y):
        started = time.time()
        for of_another_table in ("best_sampler_", "synthetic_mask_"):
            vars(self).pop(of_another_table, None)
        made = self._prepared(X, y)
        plan = self._planned(made, started)
        left_out = {**made.left_out, **plan["left_out"]}
        estimators = {k: e for k, e in made.estimators.items() if k not in left_out}
        splits = made.splits[: plan["n_splits"]]
        self._announce(estimators, plan)
        until = None
        if self.time_budget is not None:
            last = last_seconds({k: plan["seconds"][k] for k in estimators})
            last += len(splits) * len(estimators) * plan["choice"]
            until = started + self.time_budget - last
        self.n_splits_ = len(splits)
        rows, said = self._evaluate(made, splits, estimators, until)
        arms = [arm for arm in made.arms if arm.name not in left_out]
        rows, said, arms, failed = self._whole(rows, said, arms)
        self.left_out_ = {**left_out, **failed}
        if failed:
            told = "; ".join(f"{name} {why}" for name, why in failed.items())
            warnings.warn(f"Left out: {told}.", stacklevel=3)
        self._conclude(made, rows, said, arms, splits)
        late = [arm for arm in made.arms if arm.name in plan.get("late", {})]
        self.recipes_ = {
            arm.name: self._recipe(arm, made.told, made.costs)
            for arm in [_arms.Arm("nothing", -1), *arms, *late]
        }
        self.recipe_ = self.recipes_[self.verdict_.chosen]
        if self.verbose:
            print(self.verdict_, flush=True)

    def _prepared(self, X, y, make=True):
        """All that is known, and all that is refused, before anything is fitted."""
        self._validate_params()
        refuse_contradictions(self)
        frame, y_in, self.classes_, codes = checked(self, X, y)
        rng = check_random_state(self.random_state)
        seed_of_splits, seed_of_arms, seed_of_draws = map(
            int, rng.randint(2**31 - 1, size=3)
        )
        costs = checked_costs(self.costs, self.classes_)
        kinds, told = self._kinds(frame)
        of_times = {}
        if self.times is not None:
            # What they are is seen in all rows, and not in every part of them.
            said = ((self.codec and self.codec.kinds) or {}).get(self.times)
            of_times = {self.times: _splits.time_kind(frame[self.times], said)}
            frame = frame.copy(deep=False)
            frame[self.times] = _splits.in_time(frame[self.times], of_times[self.times])
        arms, left_out = _arms.resolve(
            self.candidates,
            y=codes,
            kinds=kinds,
            classifier=named_classifier(self.classifier),
            decisions=self.scoring == "decisions",
            budget=self.time_budget,
            strategy=None
            if self.sampling_strategy == "auto"
            else self.sampling_strategy,
            codec=_arms.sampling_codec(self.codec, told),
            seed=seed_of_arms,
            make=make,
        )
        splits = self._splits(frame, codes, seed_of_splits, len(arms))
        estimators = self._estimators(arms, told, costs, seed_of_arms)
        frame = frame.reset_index(drop=True)
        frame.attrs = {"classes": self.classes_.tolist()}
        return _Prepared(
            frame,
            y_in,
            codes,
            costs,
            kinds,
            {**told, **of_times},
            arms,
            left_out,
            splits,
            estimators,
            seed_of_draws,
        )

    def _kinds(self, frame):
        """Kind of every column that is learned from, and what a codec is told of it."""
        asides = [c for c in (self.groups, self.times) if c is not None]
        self._asides = dict.fromkeys(asides, "leave_out")
        codec = TableCodec() if self.codec is None else clone(self.codec)
        own = {k: v for k, v in (codec.kinds or {}).items() if k not in asides}
        codec.set_params(kinds=own or None).fit(frame.drop(columns=asides))
        return codec.kinds_, codec.kinds_to_tell()

    def _splits(self, frame, codes, seed, n_arms):
        groups = None if self.groups is None else frame[self.groups]
        times = None if self.times is None else frame[self.times]
        n = _splits.USUAL if self.time_budget is None else _splits.MOST
        if times is not None:
            n = forward_splits(n_arms, self.alpha, _splits.FORWARD)
        splits = _splits.make_splits(codes, n, seed, self.cv, groups, times)
        by = "groups" if groups is not None else "times" if times is not None else ""
        _splits.refuse_splits(splits, codes, self.classes_, by)
        return splits

    def _estimators(self, arms, kinds, costs, seed):
        """Name to what is evaluated; "threshold" shares the fits of nothing."""
        told = {
            "classifier": self.classifier,
            "tune": True,
            "refit": False,
            "costs": costs,
            "kinds": kinds,
            "groups": self.groups,
            "times": self.times,
            "random_state": seed,
        }
        found = {
            "dummy": Scored(**{**told, "classifier": "dummy"}),
            "nothing": Scored(**told),
        }
        for arm in arms:
            if arm.name != "threshold":
                found[arm.name] = Scored(arm.sampler, weights=arm.weights, **told)
        return found

    # ------------------------------------------------------------------ the plan

    def _planned(self, made, started, networks=True, always=False):
        """As many splits as there is time for, and the arms that can finish them."""
        n = len(made.splits)
        if self.time_budget is None and not always:
            return {"n_splits": n, "seconds": {}, "left_out": {}}

        def left():
            if self.time_budget is None:
                return None
            return started + self.time_budget - time.time()

        counted = self.cv is None or isinstance(self.cv, numbers.Integral)
        own = counted and self.times is None and self.time_budget is not None
        n_jobs = joblib.effective_n_jobs(self.n_jobs)
        has_threshold = any(arm.name == "threshold" for arm in made.arms)
        plan = make_plan(
            self.store and networks and f"{self.store}.plan.json",
            joblib.hash(
                [[*made.estimators], len(made.frame), self.random_state, self.cv]
            ),
            lambda: timed(
                made.frame,
                made.codes,
                made.splits[0],
                made.estimators,
                left(),
                networks,
                n_jobs,
                min(n, _splits.FEWEST),
            ),
            left,
            n_jobs,
            step=self.cv or _splits.FOLDS if counted else 1,
            fixed=None if own and n >= _splits.FEWEST else n,
            least=int(not has_threshold),
        )
        if {*made.estimators} - {*plan["left_out"]} <= {*ALWAYS} and not has_threshold:
            left_out = {**made.left_out, **plan["left_out"]}
            told = "; ".join(f"{name}: {why}" for name, why in left_out.items())
            raise ValueError(f"No arm is left to compare with nothing ({told}).")
        return {**plan, "n_splits": min(plan["n_splits"], n)}  # few groups have fewer

    def _announce(self, estimators, plan):
        if not self.verbose:
            return
        jobs = joblib.effective_n_jobs(self.n_jobs)
        n, seconds = plan["n_splits"], plan["seconds"]
        total = n * sum(seconds.get(k, 0.0) for k in estimators) / jobs
        about = f", about {total:.0f} s" if seconds else ""
        print(f"{n} splits of {', '.join(estimators)}{about}", flush=True)

    # ------------------------------------------------------------------ rows

    def _evaluate(self, made, splits, estimators, until):
        frame = made.frame.copy(deep=False)
        frame.attrs = {**frame.attrs, "table": uuid.uuid4().hex}
        if until is not None:
            frame.attrs["until"] = until
        n_classes = len(self.classes_)
        self._positive = (
            int(np.bincount(made.codes).argmin()) if n_classes == 2 else None
        )
        self._decisions = decision_metric(made.costs)
        with warnings.catch_warnings():
            # What failed is told by name, in left_out_.
            warnings.filterwarnings("ignore", message=".*runs failed. First")
            rows, said = evaluate(
                {name: (None, estimator) for name, estimator in estimators.items()},
                frame,
                made.y,
                cv=splits,
                groups=None if self.groups is None else frame[self.groups],
                n_jobs=self.n_jobs,
                metrics=no_metrics,
                scoring=Scorer(n_classes, self._positive, made.costs),
                store=self.store,
                return_predictions=True,
                verbose=self.verbose,
            )
        rows["classifier_seconds"] -= rows["seconds_of_sampler"]
        rows["sampler_seconds"] = rows.pop("seconds_of_sampler")
        rows["n_synthetic"] = rows.pop("n_new")
        return rows, said

    def _whole(self, rows, said, arms):
        """Splits that every arm has, and arms that failed in none."""
        late = rows["error"].str.startswith(OutOfTime.__name__)
        failed = rows[(rows["error"] != "") & ~late]
        if len(bad := failed[failed["method"].isin(ALWAYS)]):
            raise RuntimeError(
                f"{bad['method'].iloc[0]} failed in {len(bad)} splits: "
                f"{bad['error'].iloc[0]}"
            )
        why = {
            name: f"failed in {len(own)} of {self.n_splits_} splits: {own['error'].iloc[0]}"
            for name, own in failed.groupby("method")
        }
        arms = [arm for arm in arms if arm.name not in why]
        splits = {*rows["fold"]} - {*rows.loc[late, "fold"]}
        if len(splits) < 2:
            raise RuntimeError(
                f"time_budget was spent after {len(splits)} of {self.n_splits_} splits; "
                "give more, or a store, with which the same call goes on."
            )
        if not arms:
            told = "; ".join(f"{name}: {text}" for name, text in why.items())
            raise RuntimeError(f"No arm is left to compare with nothing ({told}).")
        names = {*ALWAYS, *(arm.name for arm in arms)}

        def kept(table):
            return table[table["method"].isin(names) & table["fold"].isin(splits)]

        has_threshold = "threshold" in names
        rows = with_threshold(kept(rows), self._decisions, has_threshold)
        return (
            rows.drop(columns="error"),
            untuned(kept(said), self.classes_, has_threshold),
            arms,
            why,
        )

    # ------------------------------------------------------------------ the verdict

    def _conclude(self, made, rows, said, arms, splits):
        frame, codes, costs = made.frame, made.codes, made.costs
        names = [arm.name for arm in arms]
        sizes = np.mean([[len(train), len(test)] for train, test in splits], axis=0)
        n_groups = None if self.groups is None else frame[self.groups].nunique()
        forward = self.times is not None
        rule = Rule(self.alpha, self.min_gain, *sizes, forward, n_groups)
        self.rows_, self.predictions_ = rows, said
        self.comparison_, self.verdict_ = conclude(
            rows, names, self.scoring, costs, rule, self.n_splits_
        )
        self.gains_ = gains_in_parts(rows, names, costs, rule)
        gained, picked = gain_of_choice(
            by_split(said, self.classes_, codes, ["nothing", *names], splits),
            codes,
            self.scoring,
            rule,
            choose,
            np.random.default_rng(made.seed),
            positive=self._positive,
            costs=costs,
            groups=None if self.groups is None else frame[self.groups].to_numpy(),
        )
        metric = metric_of(self.scoring, costs)
        nothing = self.comparison_.loc["nothing", metric]
        gain = float(np.nanmean(gained))
        self.comparison_.loc["auto", [metric, "gain", "low", "high"]] = [
            score_with(gain, nothing, self.scoring, costs),
            gain,
            # Where nearly all draws chose nothing, their mean lies outside of 95 % of them.
            min(gain, np.nanquantile(gained, 0.025)),
            max(gain, np.nanquantile(gained, 0.975)),
        ]
        often = pd.Series(["nothing", *names]).iloc[picked].value_counts(normalize=True)
        told = ", ".join(f"{name} {share:.0%}" for name, share in often.items())
        self.comparison_.loc["auto", "why"] = f"chosen in {len(picked)} draws: {told}"

    def _recipe(self, arm, kinds, costs):
        """An arm as one estimator, for use: fitted on all the rows it is given."""
        whole = isinstance(self.random_state, numbers.Integral)
        tune = arm.name != "nothing" and self.scoring == "decisions"
        return ResampledClassifier(
            arm.sampler,
            self.classifier,
            weights=arm.weights,
            tune=tune,
            costs=costs if tune else None,
            kinds=kinds,
            groups=self.groups,
            times=self.times,
            random_state=self.random_state if whole else None,
        )

    def _fit_resample(self, X, y):  # asked for by the base class
        raise NotImplementedError

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        return tags
