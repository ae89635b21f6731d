"""cleanlab's scores and its label issues, by the cleanlab package itself, from the logged logits.

cleanlab asks for probabilities of a network that did not train on the sample (out of sample, from
cross-validation). A log holds in-sample ones: a memorised wrong label has a high probability here,
so what these find at a late epoch says little about cleanlab used as it is meant to be. Imported
probabilities (`importers.pred_probs`) are read as they are.

The logits are kept as float16 and brought to probabilities in float64. Where the given label leads
by more than 37 logits its probability rounds to 1: such samples tie in the self-confidence and the
normalized margin, the least suspicious of all.

The confidence-weighted entropy turns over in cleanlab 2.9: it is log(1 + x) / x with x kept above
1e-6 in the divisor alone, so where x is smaller (the given label leads by about 17 logits or more)
it falls from 1 back to 0, and the surest samples come first. It is shown as cleanlab gives it.

Source: Northcutt et al. (JAIR 2021), Confident learning; cleanlab 2.9, `rank` and `filter`.
"""

import threading
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hmw_core.criteria.criterion import Criterion, Signals
from hmw_core.log.reader import RunReader

IN_SAMPLE = (
    "of the run's probabilities, in-sample ones unless they were imported; cleanlab asks for "
    "out-of-sample ones"
)

MOST_OF_A_JOINT = 5_000  # classes: cleanlab's tables of them take 0.2 GB each

# cleanlab hands its tables to its own workers in module globals: two threads would mix them up.
_ONE_AT_A_TIME = threading.Lock()


def label_quality(
    probabilities: np.ndarray, given_label: np.ndarray, method: str = "self_confidence"
) -> np.ndarray:
    """Return cleanlab's label quality score, shape (N,), in [0, 1], low where the label is suspect.

    Parameters
    ----------
    probabilities : ndarray of shape (N, C), float64
        Rows of NaN have no score.
    given_label : ndarray of shape (N,)
    method : str
        `self_confidence`, `normalized_margin` or `confidence_weighted_entropy`.
    """
    from cleanlab.rank import get_label_quality_scores  # takes a second to import

    found = np.full(len(probabilities), np.nan)
    known = _known(probabilities)
    if known.any():
        label = given_label[known].astype(np.int64)
        found[known] = get_label_quality_scores(label, _rows(probabilities, known), method=method)
    return found


def confident_learning(probabilities: np.ndarray, given_label: np.ndarray) -> np.ndarray:
    """Return the self-confidence, less 1 where cleanlab finds a label issue: shape (N,), [-1, 1].

    Below 0 are the issues of `find_label_issues` as it comes (pruned by noise rate), in cleanlab's
    own order, by self-confidence; the other samples follow. Self-confidences of issues below 1e-16
    tie. Fewer than two given labels have no confident joint, and no sample has a score. Arguments
    are those of `label_quality`.
    """
    from cleanlab.filter import find_label_issues

    found = label_quality(probabilities, given_label)
    known = _known(probabilities)
    label = given_label[known].astype(np.int64)
    if len(np.unique(label)) < 2:
        return np.full(len(found), np.nan)
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        # That a class of few samples may keep some of its issues is part of cleanlab's rule.
        warnings.simplefilter("ignore", UserWarning)
        # One job: a dashboard's process has threads, and must not fork.
        is_issue = find_label_issues(label, _rows(probabilities, known), n_jobs=1)
    found[known] -= is_issue
    return found


def _known(probabilities: np.ndarray) -> np.ndarray:
    """Return whether each row has probabilities: a row is NaN throughout or nowhere."""
    return ~np.isnan(probabilities[:, 0])


def _rows(probabilities: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the known rows in float64, without a copy where that is what is given."""
    rows = probabilities if known.all() else probabilities[known]
    return rows.astype(np.float64, copy=False)


def _no_joint(run: RunReader) -> str | None:
    """Return why cleanlab counts no classes by classes of this run, None where it does."""
    if run.n_classes > MOST_OF_A_JOINT:
        return (
            f"confident learning counts classes by classes, here for up to {MOST_OF_A_JOINT:,}, "
            f"and there are {run.n_classes:,}"
        )
    if len(np.unique(run.samples()["given_label"])) > 1:
        return None
    return "confident learning needs two classes with samples"


def _quality(method: str) -> Callable[[Signals], np.ndarray]:
    return lambda signals: label_quality(signals["probabilities"], signals["given_label"], method)


SELF_CONFIDENCE = Criterion(
    title="cleanlab self-confidence",
    reads=("probabilities",),
    slice=_quality("self_confidence"),
    unit="probability",
    family="cleanlab",
    higher_means="clean",
    source=f"cleanlab 2.9, get_label_quality_scores, {IN_SAMPLE}",
)
NORMALIZED_MARGIN = replace(
    SELF_CONFIDENCE,
    title="cleanlab normalized margin",
    slice=_quality("normalized_margin"),
    unit="1",
)
CONFIDENCE_WEIGHTED_ENTROPY = replace(
    NORMALIZED_MARGIN,
    title="cleanlab confidence-weighted entropy",
    slice=_quality("confidence_weighted_entropy"),
    source=f"cleanlab 2.9, get_label_quality_scores, {IN_SAMPLE}; it falls back to 0 where the "
    "given label leads by some 17 logits or more",
)
CONFIDENT_LEARNING = Criterion(
    title="cleanlab confident learning",
    reads=("probabilities",),
    slice=lambda signals: signals["probabilities"],
    final=confident_learning,
    unit="1, below 0 an issue",
    family="cleanlab",
    higher_means="clean",
    source=f"Northcutt et al. (JAIR 2021); cleanlab 2.9, find_label_issues, {IN_SAMPLE}",
    lacks=_no_joint,
)
# The mean over epochs of the self-confidence is `confidence`, which needs no cleanlab.
MEAN_CONFIDENT_LEARNING = replace(
    CONFIDENT_LEARNING,
    title="cleanlab confident learning, mean probabilities",
    over="mean_rows",
    source="cleanlab 2.9, find_label_issues, of probabilities averaged over the epochs, in-sample "
    "ones unless they were imported; cleanlab asks for out-of-sample ones",
)
