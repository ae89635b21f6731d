"""How well two reviewers agree: Cohen's kappa with its interval, over all classes and for each.

Shape letter: C classes.
"""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from hmw_core.log.class_changes import merged_into
from hmw_core.log.verdicts import VerdictLog
from hmw_core.statistics.resampling import TAIL

NORMAL = 1.959963984540054  # 97.5 % quantile of the standard normal distribution


class Agreement(NamedTuple):
    """How two reviewers agree on the samples to which both gave a label.

    `kappa` is 1 for agreement throughout, 0 for as much as chance gives, and NaN where both gave
    every sample the same class, so that chance alone would agree.
    """

    label: int | None  # "is it of this class or not"; None for all classes at once
    n: int  # samples
    n_agreed: int
    kappa: float
    low: float  # of the 95 % interval
    high: float


def reviewers(log: VerdictLog) -> pd.Series:
    """Return how many samples each reviewer has judged, most first; unnamed ones are left out."""
    named = log.table[log.table["reviewer"] != ""]
    last = named.drop_duplicates(["reviewer", "sample_id"], keep="last")
    return last["reviewer"].value_counts()


def labels_by(log: VerdictLog, reviewer: str, n_classes: int) -> pd.Series:
    """Return the label that a reviewer's last verdict gives each sample, by `sample_id`.

    `keep` gives the given label; `unsure` and `skip` give none, and the sample is left out.
    Classes that were merged count as one.
    """
    own = log.table[log.table["reviewer"] == reviewer]
    last = own.drop_duplicates("sample_id", keep="last").set_index("sample_id").sort_index()
    label = last["given_label"].where(last["verdict"] == "keep", last["new_label"])
    label = label[last["verdict"].isin(["keep", "relabel"])].astype(np.int64)
    return pd.Series(merged_into(log.class_changes, n_classes)[label.to_numpy()], label.index)


def disagreements(first: pd.Series, second: pd.Series) -> list[int]:
    """Return the samples to which two reviewers gave different labels (of `labels_by`)."""
    one, two = first.align(second, join="inner")
    return [int(i) for i in one.index[one.to_numpy() != two.to_numpy()]]


def agreement(first: pd.Series, second: pd.Series) -> list[Agreement]:
    """Return how two reviewers agree, over all classes first, then class by class.

    A class is compared with all others together: "is it a truck or not"; classes that neither
    reviewer named are left out.

    Parameters
    ----------
    first, second : Series
        Of `labels_by`.
    """
    one, two = (s.to_numpy() for s in first.align(second, join="inner"))
    found = [_agreement(None, one, two)]
    classes = np.unique(np.concatenate([one, two])).tolist()
    return found + [_agreement(label, one == label, two == label) for label in classes]


def _agreement(label: int | None, one: np.ndarray, two: np.ndarray) -> Agreement:
    n, agreed = len(one), int((one == two).sum())
    if not n or len(np.unique(np.concatenate([one, two]))) < 2:
        return Agreement(label, n, agreed, math.nan, math.nan, math.nan)
    from sklearn.metrics import cohen_kappa_score  # a second to import

    kappa = float(cohen_kappa_score(one, two))
    return Agreement(label, n, agreed, kappa, *kappa_interval(one, two, kappa))


def kappa_interval(one: np.ndarray, two: np.ndarray, kappa: float) -> tuple[float, float]:
    """Return the 95 % interval of Cohen's kappa of two lists of labels, (N,) each.

    Notes
    -----
    Source: Fleiss, Cohen and Everitt (1969), Large sample standard errors of kappa and weighted
    kappa, Psychological Bulletin 72(5), Eq. (13): the delta method. Where the two agree throughout
    its width is zero and claims too much; there the lower bound is that of the share of agreement
    (exact, Clopper and Pearson 1934), with the agreement by chance taken as it was observed.
    """
    _, codes = np.unique(np.concatenate([one, two]), return_inverse=True)
    n = len(one)
    table = np.zeros((codes.max() + 1,) * 2)
    np.add.at(table, (codes[:n], codes[n:]), 1 / n)  # (C, C)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    observed, chance = float(np.trace(table)), float(rows @ columns)
    if observed > 1 - 0.5 / n:
        return (TAIL ** (1 / n) - chance) / (1 - chance), 1.0
    both = columns[:, None] + rows[None, :]  # column share of i plus row share of j
    diagonal = np.diagonal(table) @ (1 - chance - np.diagonal(both) * (1 - observed)) ** 2
    off = (table * both**2).sum() - np.diagonal(table) @ np.diagonal(both) ** 2
    last = (observed * chance - 2 * chance + observed) ** 2
    variance = (diagonal + (1 - observed) ** 2 * off - last) / (n * (1 - chance) ** 4)
    half = NORMAL * math.sqrt(max(variance, 0.0))
    return max(kappa - half, -1.0), min(kappa + half, 1.0)
