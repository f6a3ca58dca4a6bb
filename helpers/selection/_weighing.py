"""What a classifier does about its classes by itself: weights, and samplers inside of it."""

from collections.abc import Mapping

from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC, NuSVC
from sklearn.utils.validation import has_fit_parameter


def weight_parameter(classifier):
    """What `fit` calls the weights of rows; None where it takes none."""
    if isinstance(classifier, Pipeline):
        name, last = classifier.steps[-1]
        inner = weight_parameter(last)
        return inner and f"{name}__{inner}"
    return "sample_weight" if has_fit_parameter(classifier, "sample_weight") else None


#: By weights, or by a sampler of its own, as imbalanced-learn's ensembles have.
_BALANCE = {
    "class_weight": ("balanced", "balanced_subsample"),
    "sampling_strategy": ("auto", "all", "not majority", "not minority"),
}


#: What these say is told by rows in their own shares, whatever is inside of them.
_CALIBRATED = CalibratedClassifierCV, StackingClassifier, SVC, NuSVC


def balances_itself(classifier):
    """Whether the probabilities of a classifier are of classes of the same weight.

    Followed are those inside that say them: the last step of a pipeline, the members of an
    ensemble, what a search or a threshold is about. Steps before the last count where they
    even out the classes; cleaning does not.
    """
    if isinstance(classifier, _CALIBRATED):
        return False
    if isinstance(classifier, Pipeline):
        *before, (_, last) = classifier.steps
        return any(_evens_out(step) for _, step in before) or balances_itself(last)
    if not hasattr(classifier, "get_params"):
        return False
    told = classifier.get_params(deep=False)
    inside = [told.get("estimator"), *(e for _, e in told.get("estimators") or ())]
    return any(
        isinstance(told.get(name), str) and told[name] in words
        for name, words in _BALANCE.items()
    ) or any(hasattr(e, "fit") and balances_itself(e) for e in inside)


def _evens_out(step):
    """Whether a step of a pipeline is a sampler that leaves classes of the same size."""
    if not hasattr(step, "fit_resample"):
        return False
    strategy = step.get_params(deep=False).get("sampling_strategy", "auto")
    words = isinstance(strategy, str) and strategy in _BALANCE["sampling_strategy"]
    cleans = getattr(step, "_sampling_type", "") == "clean-sampling"
    return not cleans and (words or (isinstance(strategy, float) and strategy == 1))


def weighs_labels(classifier):
    """Whether a classifier, or one inside of it, has weights by label."""
    told = classifier.get_params() if hasattr(classifier, "get_params") else {}
    return any(
        isinstance(value, Mapping)
        # Those that a search is to try count, too.
        and (name.endswith("class_weight") or _weights_in(value))
        for name, value in told.items()
    )


def _weights_in(grid):
    """Whether a grid of parameters has weights by label."""
    return any(
        str(name).endswith("class_weight")
        and any(isinstance(v, Mapping) for v in values)
        for name, values in grid.items()
        if isinstance(values, list | tuple)
    )
