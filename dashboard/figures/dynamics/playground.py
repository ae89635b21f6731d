"""What the figures of replayed HM weights share: chosen settings beside those the run logged."""

import pandas as pd

from dashboard.figures.base import CannotShow
from dashboard.figures.selection import check_epoch
from hmw_core.errors import UsageError
from hmw_core.laboratory.hm_replay import Replay, Settings, logged_settings, replay
from hmw_core.log.reader import RunReader

CHOSEN, LOGGED = "chosen", "the run's log"


def both(
    run: RunReader, settings: Settings | None, epoch: int | None
) -> tuple[int, dict[str, tuple[str, Replay]]]:
    """Return the epoch, and by `CHOSEN` and `LOGGED` the settings in words and their weights.

    `settings` None are the run's own. The log's are left out where its source had no cosines and
    what is chosen needs none.

    Raises
    ------
    CannotShow
        If the run has no such epoch, or its log lacks what the settings need.
    """
    last = check_epoch(run, epoch)
    own = logged_settings(run)
    chosen = own if settings is None else settings
    try:
        found = {CHOSEN: (in_words(chosen), replay(run, chosen, last))}
    except UsageError as error:
        raise CannotShow(str(error)) from None
    try:
        found[LOGGED] = (in_words(own), replay(run, own, last))
    except UsageError:
        pass  # a log without cosines: the figure shows the chosen ones alone
    return last, found


def in_words(settings: Settings) -> str:
    """Return what tells these settings from others, in a few words.

    Examples
    --------
    >>> in_words(Settings(alpha=10.0, beta=1.0, history="current"))
    'alpha 10, beta 1, this epoch alone'
    """
    parts = []
    if settings.terms != "tkum":
        parts.append(f"alpha {settings.alpha:g}")
    if settings.terms != "aum":
        parts.append(f"beta {settings.beta:g}")
        parts += [f"k {settings.k}"] if settings.k != 1 else []
    histories = {"uniform_mean": "plain mean", "current": "this epoch alone"}
    parts += [histories[settings.history]] if settings.history in histories else []
    if settings.history == "ca" and settings.annealing_start == 0:
        parts.append("from 0")
    if settings.warmup_epochs:
        parts.append(f"warm-up {settings.warmup_epochs}")
    return ", ".join(parts)


def left_out(run: RunReader, found: Replay) -> str:
    """Return how many samples have no weight in a figure, and why; empty where all have."""
    parts = []
    missing = run.n_samples - len(found.sample_id)
    if missing:
        parts.append(
            f"{len(found.sample_id):,} of {run.n_samples:,} samples, drawn at random: the log is "
            "too large to hold in memory"
        )
    unseen = int(pd.isna(found.weight).sum())
    if unseen:
        parts.append(f"{unseen:,} samples without a weight in this epoch are left out")
    return "; ".join(parts)
