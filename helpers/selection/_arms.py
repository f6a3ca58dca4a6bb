"""The arms: what is tried, from simple to complex, and what is left out and why."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from imblearn.over_sampling import RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler
from sklearn.base import clone

from ..checks import require_known
from ..tables import TableCodec, TabularOverSampler
from ._own import load_sampler
from ._weighing import balances_itself, weight_parameter

#: What nothing is compared with, and nothing itself; not to be chosen.
ALWAYS = ("dummy", "nothing")
#: Names of rows in tables of results, or of what needs no sampler.
RESERVED = (*ALWAYS, "threshold", "auto")
#: Arms without a network, from simple to complex.
PLAIN = (
    "threshold",
    "class_weight",
    "random_oversampling",
    "random_undersampling",
    "smote",
)
#: Rungs of a sampler that is none of `PLAIN`.
OTHERS = len(PLAIN)
#: Those of `over_sampling.SAMPLERS`, whose import brings torch with it.
NAMES = (
    "amdo",
    "bagan",
    "ctgan",
    "deep_smote",
    "gamo",
    "gan",
    "gan_smote",
    "mc_ccr",
    "mc_rbo",
    "smate",
    "tab_ddpm",
)
#: Networks that "auto" tries on tables, where there is a time budget to hold them.
NETWORKS = ("gan", "gan_smote", "ctgan", "tab_ddpm")
#: Fewest rows of the rarest class from which "auto" lets a network learn.
ROWS_OF_NETWORKS = 40


class Later(NamedTuple):
    """A network that is not made, because nothing will be fitted."""

    name: str


class Arm(NamedTuple):
    """One way to treat the training part."""

    name: str
    rung: int  #: of the way from simple to complex
    sampler: Any = None
    weights: Any = None


def resolve(
    candidates,
    *,
    y,
    kinds,
    classifier,
    decisions,
    budget,
    strategy,
    codec,
    seed,
    make=True,
):
    """The arms of a selection.

    Parameters
    ----------
    candidates : "auto", "all", or sequence or dict of candidates
    y : array of int
    kinds : dict
        Column to kind, constants and what is left out included.
    classifier : scikit-learn classifier
    decisions : bool
        Whether decisions are what counts; no threshold changes ranks or probabilities.
    budget : float or None
        Seconds.
    strategy : sampling_strategy, or "auto"
    codec : TableCodec
        That of the samplers.
    seed : int
    make : bool
        Whether to make the networks of "auto" and "all".

    Returns
    -------
    arms : list of Arm
        From simple to complex; ties in the order of `candidates`.
    left_out : dict of str to str
        Name to reason.
    """
    asked = candidates in ("auto", "all") if isinstance(candidates, str) else False
    wanted = _automatic() if asked else _named(candidates)
    rarest, left_out, arms = np.bincount(y).min(), {}, []
    table = {*kinds.values()} & {"number", "category", "date"}
    for name, candidate in wanted.items():
        if name in RESERVED and candidate != name:
            raise ValueError(
                f"A candidate is called {name!r}, which has a meaning of its own here; "
                "give it another name."
            )
        if name in ALWAYS:
            continue
        why = _why_not(candidate, classifier, decisions, rarest)
        if not why and asked:
            why = _why_not_asked(name, rarest, table, candidates == "auto", budget)
        if why:
            left_out[name] = why
        elif asked and not make and name in NAMES:
            arms.append(Arm(name, OTHERS, Later(name)))
        else:
            arms.append(_arm(name, candidate, strategy, codec, seed))
    if decisions and arms and "threshold" not in wanted:
        # It has the fits of nothing. Without it a sampler, whose threshold is tuned, would
        # stand beside nothing at one half, and win by what the threshold alone gives.
        arms.append(Arm("threshold", PLAIN.index("threshold")))
    if not arms:
        told = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise ValueError(
            f"No candidate is left to compare with nothing ({told or 'none was named'}); "
            "name others in candidates."
        )
    return sorted(arms, key=lambda arm: arm.rung), left_out


def _automatic():
    return {name: name for name in (*PLAIN, *NAMES)}


def _named(candidates):
    """Name to candidate, with no name twice."""
    if isinstance(candidates, str):
        raise ValueError(
            f"candidates={candidates!r}; give 'auto', 'all', or a list, [{candidates!r}]."
        )
    if isinstance(candidates, Mapping):
        return dict(candidates)
    wanted = {}
    for candidate in candidates:
        inner = getattr(candidate, "sampler", candidate)  # of a TabularOverSampler
        name = inner if isinstance(inner, str) else type(inner).__name__
        name = name.rpartition(":")[2]
        if name in wanted and isinstance(candidate, str):
            raise ValueError(f"candidates names {candidate!r} twice.")
        n = sum(re.sub(r"-\d+$", "", known) == name for known in wanted)
        wanted[f"{name}-{n + 1}" if n else name] = candidate
    return wanted


def _why_not(candidate, classifier, decisions, rarest):
    """Why an arm would say nothing here, or could not be fitted at all."""
    if candidate == "threshold" and not decisions:
        return "a threshold changes neither ranks nor probabilities"
    if candidate == "class_weight" and weight_parameter(classifier) is None:
        return f"{type(classifier).__name__}.fit takes no sample_weight"
    if candidate == "class_weight" and balances_itself(classifier):
        return f"{type(classifier).__name__} weighs its classes already"
    if candidate == "smote" and rarest < 6:
        return (
            f"the rarest class has {rarest} rows, of which too few are left to learn "
            "from, to tune and to test on"
        )
    return ""


def _why_not_asked(name, rarest, table, auto, budget):
    """Why an arm that nobody named is not tried."""
    if name in PLAIN:
        return ""
    if name not in NETWORKS:
        return "not tried by default; name it in candidates to try it"
    if name == "gan_smote" and table != {"category"}:
        return "made for tables of categories; name it in candidates to try it"
    if rarest < ROWS_OF_NETWORKS:
        return (
            f"the rarest class has {rarest} rows, and networks are tried from "
            f"{ROWS_OF_NETWORKS} on"
        )
    if auto and budget is None:
        return (
            "trains a network in every split; set time_budget, say candidates='all', or "
            "name it"
        )
    return ""


def _arm(name, candidate, strategy, codec, seed):
    if not isinstance(candidate, str):
        return Arm(name, *_wrapped(candidate, name, strategy, codec, seed))
    if candidate in ("threshold", "class_weight"):
        weights = "balanced" if candidate == "class_weight" else None
        return Arm(name, PLAIN.index(candidate), None, weights)
    if candidate == "smote":
        sampler = TabularOverSampler(
            "smote", codec, sampling_strategy=strategy, random_state=seed
        )
        return Arm(name, PLAIN.index(candidate), sampler)
    return Arm(name, *_wrapped(_made(candidate), name, strategy, codec, seed))


def _made(candidate):
    """The sampler of a name of ours, or of ``package:Class``."""
    if candidate == "random_oversampling":
        return RandomOverSampler()
    if candidate == "random_undersampling":
        return RandomUnderSampler()
    if ":" not in candidate:
        from ..over_sampling import SAMPLERS

        require_known("candidate", candidate, [*PLAIN, *SAMPLERS])
        return SAMPLERS[candidate]()
    return load_sampler(candidate)


def _wrapped(sampler, name, strategy, codec, seed):
    """Rung and sampler of frames, with its seed."""
    if not (hasattr(sampler, "fit_resample") and hasattr(sampler, "get_params")):
        raise ValueError(
            f"The candidate {name!r}, {sampler!r}, is no sampler; give a name, "
            "'package:Class', or what has fit_resample and get_params."
        )
    if isinstance(sampler, TabularOverSampler):
        inner = sampler.sampler
        sampler = clone(sampler)
        if sampler.codec is None:
            sampler.set_params(codec=clone(codec))
        if _seed_of(sampler) is None and _seed_of(inner) is None:
            sampler.set_params(random_state=seed)
        if strategy is not None and sampler.sampling_strategy is None:
            sampler.set_params(sampling_strategy=strategy)
        return (PLAIN.index("smote") if _is_plain(inner) else OTHERS), sampler
    sampler = clone(sampler)
    if "random_state" in sampler.get_params(deep=False) and _seed_of(sampler) is None:
        sampler.set_params(random_state=seed)
    if repeats(sampler):
        if strategy is not None:
            sampler.set_params(sampling_strategy=strategy)
        # Rows are repeated or left out as they are, so that nothing need be coded.
        return PLAIN.index("random_oversampling"), sampler
    rung = PLAIN.index("smote") if _is_plain(sampler) else OTHERS
    return rung, TabularOverSampler(sampler, clone(codec), sampling_strategy=strategy)


def repeats(sampler):
    """Whether a sampler only repeats rows or leaves them out."""
    if isinstance(sampler, RandomOverSampler):
        return sampler.shrinkage is None
    return isinstance(sampler, RandomUnderSampler)


def _seed_of(sampler):
    return getattr(sampler, "random_state", None)


def _is_plain(sampler):
    """SMOTE's kind: what imbalanced-learn carries."""
    return sampler == "smote" or type(sampler).__module__.startswith("imblearn.")


def sampling_codec(codec, kinds):
    """The codec of samplers, told the kinds."""
    codec = TableCodec() if codec is None else clone(codec)
    return codec.set_params(kinds=kinds)
