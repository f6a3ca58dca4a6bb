"""The numbers that the report and its authors' notebook print."""

#: Figure 6: accuracy and truck recall; its "undersampled" data are the imbalanced ones.
FIGURE_6 = {
    "full": (0.775, 0.85),
    "nothing": (0.761, 0.56),
    "random_oversampling": (0.666, 0.62),
    "smote": (0.757, 0.51),
    "adasyn": (0.766, 0.56),
}
#: Accuracy that Figure 5 ends near, and SMate's truck recall in Figure 11.
FIGURE_5, FIGURE_11 = 0.59, 0.54
#: The outputs of the authors' notebook. Its GAN was trained from scratch.
NOTEBOOK = {
    "full": (0.777, 0.855),
    "nothing": (0.6395, 0.214),  # after 30 epochs
    "random_oversampling": (0.7543, 0.62),
    "smote": (0.7563, 0.51),
    "adasyn": (0.7665, 0.56),
    "smate_scratch": (0.7511, 0.535),
    "samme": (0.4984, 0.23),
}
