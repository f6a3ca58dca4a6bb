"""Class weights for classifiers that take weights of rows and know none of classes."""

from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.class_weight import compute_sample_weight


class ClassWeighted(ClassifierMixin, BaseEstimator):
    """A classifier whose rows count by the inverse of their class's number of rows.

    Parameters
    ----------
    classifier : scikit-learn classifier
        Whose ``fit`` takes ``sample_weight``. Cloned, not changed.

    Attributes
    ----------
    model_ : classifier
        Fitted.
    """

    def __init__(self, classifier):
        self.classifier = classifier

    def fit(self, X, y):
        weights = compute_sample_weight("balanced", y)
        self.model_ = clone(self.classifier).fit(X, y, weights)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def predict_proba(self, X):
        return self.model_.predict_proba(X)
