"""AUM's threshold samples in the records of the `aum` package: which class they are, what is said.

Source: Pleiss et al. (NeurIPS 2020), Section 3.3; github.com/asappresearch/aum, README.
"""

import numpy as np
import pandas as pd

from hmw_core.importers.base import ImportOptions
from hmw_core.log.schema import RunWarning


def is_extra_class(
    target: np.ndarray, other: np.ndarray, wins: np.ndarray, row: np.ndarray, is_told: bool
) -> bool:
    """Tell whether the last class looks like AUM's threshold samples, all arrays by measurement.

    They are many (N / (C + 1) in the paper), the network hardly ever gives them their label, though
    it does so in every other class at least three times as often, and what it sees in them is not
    mainly one class: they come from all. Where it is told that the last class has no name, half as
    often as any other class is enough: the name may have been forgotten.
    """
    last = int(max(target.max(), other.max()))
    share = pd.Series(wins).groupby(target).mean()
    n_samples = pd.Series(row).groupby(target).nunique()
    if last < 2 or last not in share or len(share) < 3:
        return False
    others = share.drop(last)
    if is_told:
        return bool(2 * share[last] <= others.min())
    seen = pd.Series(other[target == last]).value_counts(normalize=True)
    return bool(
        n_samples[last] >= max(10, n_samples.drop(last).mean() / 4)
        and 3 * share[last] <= others.min()
        and others.min() > 0
        and seen.iloc[0] <= 0.75
    )


def most_seen(row: np.ndarray, other: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the class that is most often the largest other of each sample of the last label."""
    is_last = target == target.max()
    samples, of_sample = np.unique(row[is_last], return_inverse=True)
    counts = np.zeros((len(samples), target.max()), dtype=np.int64)
    np.add.at(counts, (of_sample, other[is_last]), 1)
    found = np.zeros(row.max() + 1, dtype=np.int64)
    found[samples] = counts.argmax(axis=1)
    return found


def what_to_say(extra: np.ndarray, label: int, is_told: bool, options: ImportOptions) -> RunWarning:
    """Return the warning that names the threshold samples, `extra`, (n,), of the last label."""
    seen = "the class that the network saw in each most often stands there"
    if options.true_labels is not None:
        seen = "their true labels stand there"
    rest = f"; where {label} is a class of the data, name all {label + 1} with --class-names"
    return RunWarning(
        f"The {len(extra)} samples of the label {label} are AUM's threshold samples and have no "
        f"score; the records do not hold the labels they had before, and {seen}"
        f"{'' if is_told else rest}.",
        tuple(extra[:12].tolist()),
    )
