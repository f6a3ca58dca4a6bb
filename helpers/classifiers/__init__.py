"""Classifiers over torch networks, with scikit-learn's interface.

What scikit-learn and imbalanced-learn do with a classifier works on these: pipelines,
AdaBoost, calibration, tuned thresholds, ``sample_weight``. `_base` holds what they share,
`_resnet` and `_keras_cnn` a network and its recipe each.
"""

from ..layers import Float32Linear  # fitted classifiers pickled before look for it here
from ._base import ImageClassifier, prior_offsets, weighted_targets
from ._keras_cnn import KerasCNNClassifier
from ._resnet import ResNet18Classifier
