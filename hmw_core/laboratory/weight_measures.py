"""What per-sample weights do to a data set in numbers, and when they starve its clean samples.

One rule everywhere in this file: a sample without a weight (NaN) is left out and counted.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from hmw_core.statistics.intervals import auroc_intervals
from hmw_core.statistics.ranking import auroc

LOW_MEAN = 0.4
LOW_EFFECTIVE = 0.5
LOW_CLASS = 0.5
NEAR_ZERO = 0.1

# Shown beside the warnings: the limits are rules of thumb, and this is all they rest on.
RULES = (
    f"It warns where the mean weight of clean samples is below {LOW_MEAN:.2f} (0.5 is what one "
    "has whose TKUM term has vanished and whose AUM term is full; 0.3 is what alpha = beta = 100 "
    "left clean CIFAR-10 samples in a trial of ours, where test accuracy fell from 0.62 to 0.51; "
    "the limit lies between), where their effective sample size is below "
    f"{100 * LOW_EFFECTIVE:.0f} % of them, where a class's clean samples have less than "
    f"{100 * LOW_CLASS:.0f} % of the mean weight of all clean samples, or where mislabeled samples "
    "weigh more than clean ones. Where true labels are unknown, the first three are asked of all "
    "samples instead, wrong labels among them: many wrong labels rightly weighed down look the "
    "same. These limits are rules of thumb, not calibrated."
)


class Warned(NamedTuple):
    """Why settings are warned of: a sentence, and a word for tests and tables."""

    what: str
    sentence: str


@dataclass(frozen=True)
class Measures:
    """Numbers about weights; NaN where no sample of a kind is known.

    Shares lie in [0, 1]. `effective_share` is (sum w)^2 / (n sum w^2): 1 where all weigh the same,
    however little that is.
    """

    n_samples: int
    n_left_out: int
    n_clean: int
    n_mislabeled: int
    mean: float
    mean_clean: float
    mean_mislabeled: float
    effective_share: float
    effective_share_clean: float
    near_zero_clean: float
    mislabeled_fraction: float
    weight_share_mislabeled: float
    auroc: float
    auroc_low: float
    auroc_high: float
    by_class: pd.DataFrame


def effective_share(weight: np.ndarray) -> float:
    """Return the effective sample size as a share of the samples, NaN without any weight above 0.

    Source: Kish (1965), Survey Sampling.

    Examples
    --------
    >>> effective_share(np.array([1.0, 1.0, 0.0, 0.0]))
    0.5
    """
    squares = float(np.square(weight).sum())
    return float(weight.sum() ** 2 / (squares * len(weight))) if squares > 0 else float("nan")


def measure(weight: np.ndarray, is_mislabeled: pd.Series, given_label: np.ndarray) -> Measures:
    """Return what the weights of N samples come to.

    Parameters
    ----------
    weight : ndarray of shape (N,)
        >= 0; NaN where a sample has none.
    is_mislabeled : Series of boolean, null where the true label is unknown
    given_label : ndarray of shape (N,), int
    """
    seen = ~np.isnan(weight)
    wrong = is_mislabeled.to_numpy(dtype=object)[seen]
    is_clean, is_wrong = (np.array([w is value for w in wrong], bool) for value in (False, True))
    weights, labels = weight[seen], given_label[seen]
    clean, mislabeled = weights[is_clean], weights[is_wrong]
    area, low, high = separation(clean, mislabeled)
    known = clean.sum() + mislabeled.sum()
    return Measures(
        n_samples=len(weights),
        n_left_out=int((~seen).sum()),
        n_clean=len(clean),
        n_mislabeled=len(mislabeled),
        mean=_mean(weights),
        mean_clean=_mean(clean),
        mean_mislabeled=_mean(mislabeled),
        effective_share=effective_share(weights),
        effective_share_clean=effective_share(clean),
        near_zero_clean=_mean(clean < NEAR_ZERO),
        mislabeled_fraction=_ratio(len(mislabeled), len(clean) + len(mislabeled)),
        weight_share_mislabeled=_ratio(mislabeled.sum(), known),
        auroc=area,
        auroc_low=low,
        auroc_high=high,
        by_class=_by_class(weights, labels, is_clean, is_wrong),
    )


def separation(clean: np.ndarray, mislabeled: np.ndarray) -> tuple[float, float, float]:
    """Return the chance that a clean sample weighs more than a mislabeled one, and its interval.

    AUROC with a 95 % interval by DeLong; all NaN where a group is empty.
    """
    if not len(clean) or not len(mislabeled):
        return (float("nan"),) * 3
    weight = np.concatenate([clean, mislabeled])
    wrong = np.arange(len(weight)) >= len(clean)
    area = auroc(weight, wrong, "clean")
    found = auroc_intervals(
        -clean[:, None], -mislabeled[:, None], rng=np.random.default_rng(0), method="DeLong"
    )
    return area, float(found.low[0]), float(found.high[0])


def starvation(found: Measures, class_names: list[str]) -> list[Warned]:
    """Return why these weights may starve clean samples, worst first; see `RULES`."""
    known = found.n_clean > 0
    whom = "clean samples" if known else "all samples (no true label is known)"
    mean = found.mean_clean if known else found.mean
    share = found.effective_share_clean if known else found.effective_share
    column = "mean_clean" if known else "mean"
    warned = []
    if mean < LOW_MEAN:
        warned.append(
            Warned("mean", f"The mean weight of {whom} is {mean:.2f}, below {LOW_MEAN:.2f}.")
        )
    if share < LOW_EFFECTIVE:
        warned.append(
            Warned(
                "effective",
                f"The effective sample size of {whom} is {100 * share:.0f} % of them, below "
                f"{100 * LOW_EFFECTIVE:.0f} %: few samples carry the training.",
            )
        )
    fair = found.by_class[column] / mean if mean > 0 else found.by_class[column] * np.nan
    starved = fair[fair < LOW_CLASS].sort_values()
    if len(starved):
        names = ", ".join(f"{class_names[c]} ({fair[c]:.2f})" for c in starved.index[:5])
        more = f" and {len(starved) - 5} more" if len(starved) > 5 else ""
        classes = f"{len(starved)} of {len(found.by_class)} classes"
        warned.append(
            Warned(
                "class",
                f"{classes} get less than {100 * LOW_CLASS:.0f} % of the mean weight of {whom} "
                f"(their part of it in brackets): {names}{more}.",
            )
        )
    if found.auroc_high < 0.5:
        warned.append(
            Warned(
                "upside down",
                f"Mislabeled samples weigh more than clean ones: AUROC {found.auroc:.3f} (95 % "
                f"interval {found.auroc_low:.3f} to {found.auroc_high:.3f}), where 0.5 is chance.",
            )
        )
    return warned


def _by_class(
    weight: np.ndarray, label: np.ndarray, is_clean: np.ndarray, is_wrong: np.ndarray
) -> pd.DataFrame:
    """Return by given label: n_samples, mean, mean_clean, mean_mislabeled and both shares."""
    table = pd.DataFrame(
        {
            "given_label": label,
            "weight": weight,
            "clean": np.where(is_clean, weight, np.nan),
            "mislabeled": np.where(is_wrong, weight, np.nan),
        }
    ).groupby("given_label")
    found = pd.DataFrame(
        {
            "n_samples": table["weight"].size(),
            "mean": table["weight"].mean(),
            "mean_clean": table["clean"].mean(),
            "mean_mislabeled": table["mislabeled"].mean(),
            "weight_share": table["weight"].sum() / weight.sum(),
            "weight_share_mislabeled": table["mislabeled"].sum() / table["weight"].sum(),
        }
    )
    found.insert(5, "sample_share", found["n_samples"] / len(weight))
    unknown = ~(is_clean | is_wrong)
    if unknown.any():
        found["weight_share_mislabeled"] = np.nan
    return found


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
