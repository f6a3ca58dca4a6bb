"""What the pages train themselves: one fold, with a shorter schedule than the paper's."""


def shorter(n_epochs):
    """Settings of GAN-SMOTE that keep the paper's schedule in fewer epochs than its 40,000.

    Parameters
    ----------
    n_epochs : int

    Returns
    -------
    dict
        ``epochs, flip_epochs, restart_every``, for `helpers.GANSMOTE`.

    Examples
    --------
    >>> shorter(40_000)
    {'epochs': 40000, 'flip_epochs': 37000, 'restart_every': 1000}
    """
    return {
        "epochs": n_epochs,
        "flip_epochs": max(1, n_epochs * 37 // 40),
        "restart_every": max(1, n_epochs // 40),
    }
