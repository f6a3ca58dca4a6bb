"""A bar of progress that leaves nothing behind."""

from tqdm import tqdm


class Progress(tqdm):
    """tqdm without its monitor, a thread that outlives the bar; ``miniters=1`` does it."""

    monitor_interval = 0
