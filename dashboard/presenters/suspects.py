"""How many samples of each class are suspicious, by one automatic threshold for all of them."""

from typing import NamedTuple

import numpy as np

from dashboard.presenters.linked import Samples
from hmw_core.laboratory.thresholds import FITTED, threshold_of_scores
from hmw_core.statistics.ranking import suspicion

CRITERION, RULE = "iam", "gaussian"
SAID = (
    "Suspects are the samples that IAM, cut by two Gaussians over the whole run, calls mislabeled. "
    "No true label is used."
)


class ClassCounts(NamedTuple):
    """Samples and suspects of each class, (C,) int; `n_suspects` is None without a threshold."""

    n_samples: np.ndarray
    n_suspects: np.ndarray | None

    def text(self, label: int) -> str:
        """Return what the list of classes says of one: `142 samples, 37 suspects`."""
        n = int(self.n_samples[label])
        said = f"{n:,} sample{'s' * (n != 1)}"
        if self.n_suspects is None:
            return said
        suspects = int(self.n_suspects[label])
        return f"{said}, {suspects:,} suspect{'s' * (suspects != 1)}"


def count_classes(samples: Samples, n_classes: int) -> ClassCounts:
    """Count the samples and suspects of each class; see `SAID`."""
    n_samples = np.bincount(samples.given_label, minlength=n_classes)
    criterion, score = samples.criterion(CRITERION), samples.score(CRITERION)
    n = samples.n_scored(CRITERION)
    # Of many, as many evenly by rank as the rule itself would take: the order is there already.
    at = np.linspace(0, n - 1, min(n, FITTED)).astype(np.int64)
    cut = threshold_of_scores(score[samples.order(CRITERION)[at]], criterion, RULE).cut
    if np.isnan(cut):
        return ClassCounts(n_samples, None)
    higher_means = criterion.higher_means
    # Without a score a sample is no suspect: NaN compares as false.
    flagged = suspicion(score, higher_means) > suspicion(np.array([cut]), higher_means)
    n_suspects = np.bincount(samples.given_label[flagged], minlength=n_classes)
    return ClassCounts(n_samples, n_suspects)
