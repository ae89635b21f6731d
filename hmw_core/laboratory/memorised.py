"""When each sample's given label was first predicted, and from when on it always was.

The prediction is that of the training pass, before the update and on the augmented picture. Of a
mislabeled sample, the epoch of fitting its given label is the epoch of memorising a wrong one; of a
clean sample it is the epoch of learning. Neither needs a true label.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from hmw_core.errors import UsageError
from hmw_core.log.cache import kept_table
from hmw_core.log.reader import RunReader

VERSION = 1  # of the definitions below: another number computes kept tables anew

# Shown beside the columns.
MEANING = {
    "first_fitted": "First epoch whose training pass predicted the given label; it may have been "
    "lost again later. Empty where that never happened.",
    "first_memorised": "First epoch from which on the given label was predicted at every epoch "
    "the sample was seen in, up to the last epoch used. Empty where the last prediction is another "
    "label. An epoch close to the last one used rests on few predictions and may not last.",
}


def first_fitted(run: RunReader, epoch: int | None = None) -> pd.Series:
    """Return the first epoch at which the prediction was the given label, by `sample_id`.

    Int64, from 1; null where there is none up to `epoch` (default: the last). See `fitted`.

    Source: the first learning event of Toneva et al. (2019), "An Empirical Study of Example
    Forgetting during Deep Neural Network Learning", counted in epochs.
    """
    return fitted(run, epoch)["first_fitted"]


def first_memorised(run: RunReader, epoch: int | None = None) -> pd.Series:
    """Return the first epoch from which on the given label was always predicted, by `sample_id`.

    Int64, from 1; null where the last prediction up to `epoch` (default: the last) is another
    label. An epoch that missed the sample neither ends nor begins the stretch. See `fitted`.

    Source: the learning event after the last forgetting event, both of Toneva et al. (2019).
    """
    return fitted(run, epoch)["first_memorised"]


def fitted(run: RunReader, epoch: int | None = None) -> pd.DataFrame:
    """Return both of the above, by `sample_id`, from one pass over the log, kept with the run.

    Parameters
    ----------
    run : RunReader
    epoch : int, optional
        Last epoch used. Default: the last one logged.

    Returns
    -------
    DataFrame
        `first_fitted` <= `first_memorised`, Int64, in epochs; see `MEANING`.

    Raises
    ------
    UsageError
        If the log holds no predictions, or has no epoch yet.
    """
    last = run.last_epoch if epoch is None else epoch
    used = [number for number in run.epochs() if number <= last]
    _check(run, used)
    return kept_table(
        run,
        "fitted",
        {"version": VERSION, "epoch": used[-1]},
        lambda: next(fitted_by_epoch(run, [used[-1]]))[1],
        epochs=used,
    )


def fitted_by_epoch(run: RunReader, at: Iterable[int]) -> Iterator[tuple[int, pd.DataFrame]]:
    """Yield `fitted`'s table up to each of the epochs `at`, ascending, in one pass over the log.

    Memory is O(n_samples). Epochs that are not whole are left out.

    Raises
    ------
    UsageError
        If the log holds no predictions, or none of the epochs is whole.
    """
    whole = run.epochs()
    wanted = sorted(set(at) & set(whole))
    _check(run, wanted)
    order = run.sample_ids()
    given = run.samples()["given_label"].to_numpy()[order]
    fitted_first = np.zeros(len(order), dtype=np.int64)  # 0: never
    fitted_since = np.zeros(len(order), dtype=np.int64)
    used = [number for number in whole if number <= wanted[-1]]
    for epoch, signals in run.iterate(["predicted_label"], used):
        predicted = signals["predicted_label"]
        is_fit = predicted == given
        fitted_first[is_fit & (fitted_first == 0)] = epoch
        fitted_since[is_fit & (fitted_since == 0)] = epoch
        fitted_since[~is_fit & ~np.isnan(predicted)] = 0
        if epoch in wanted:
            columns = {"first_fitted": fitted_first, "first_memorised": fitted_since}
            yield (
                epoch,
                pd.DataFrame(
                    {name: pd.array(n, "Int64") for name, n in columns.items()},
                    index=pd.Index(order, name="sample_id"),
                )
                .replace(0, pd.NA)
                .sort_index(),
            )


def _check(run: RunReader, used: list[int]) -> None:
    absent = run.absent.get("predicted_label")
    if absent:
        raise UsageError(f"run {run.name!r} does not say when a label was fitted: {absent}")
    if not used:
        raise UsageError(
            f"run {run.name!r}: none of these epochs is whole; it has {run.last_epoch}"
        )
