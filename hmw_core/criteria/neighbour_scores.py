"""What the nearest samples in the space of the features say of a given label.

The features are the network's own, trained on the given labels; SimiFeat takes those of a network
that never saw them. They are of the last epoch in the window that logged them, and a window
without one has no scores. A sample whose features have no direction has none either.

Source: Zhu et al. (ICML 2022), Detecting corrupted labels without training a model to predict.
"""

from collections.abc import Callable

import numpy as np

from hmw_core.criteria.criterion import Criterion
from hmw_core.feature_space.neighbours import neighbour_table
from hmw_core.log.reader import RunReader

K = 10  # SimiFeat's; there the sample itself is one of them


def disagreement(given: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """Return the share of the neighbours with another given label, shape (N,), in [0, 1].

    Parameters
    ----------
    given : ndarray of shape (N,)
        Given label of each sample.
    neighbours : ndarray of shape (N, k)
        Given labels of its neighbours.
    """
    return (neighbours != given[:, None]).mean(axis=1)


def vote(given: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """Return the votes' share for the given label less the largest for another, (N,), in [-1, 1].

    Below 0, SimiFeat's vote calls the label corrupted. Left out of SimiFeat: the sample's own vote,
    votes weighted by similarity, and the rounds over random crops whose majority decides.
    Arguments are those of `disagreement`.
    """
    for_given = neighbours == given[:, None]  # (N, k)
    votes = (neighbours[:, :, None] == neighbours[:, None, :]).mean(axis=2)  # (N, k)
    return for_given.mean(axis=1) - np.where(for_given, 0.0, votes).max(axis=1)


def _of_run(
    run: RunReader, first: int, last: int, rule: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return a rule's score of each sample, NaN where it has no neighbours."""
    found = np.full(run.n_samples, np.nan)
    logged = [epoch for epoch in run.feature_epochs() if first <= epoch <= last]
    if logged:
        table = neighbour_table(run, logged[-1], K)
        if table.shape[1]:
            label = run.samples()["given_label"].to_numpy()
            found[table.index] = rule(label[table.index], label[table.to_numpy()])
    return found


NEIGHBOUR_DISAGREEMENT = Criterion(
    title="Neighbours that disagree",
    reads=("features",),
    whole=lambda run, first, last: _of_run(run, first, last, disagreement),
    unit="share",
    family="neighbours",
    higher_means="mislabeled",
    source="share of the 10 nearest by cosine with another label; Zhu et al. (ICML 2022), 3.1",
)
NEIGHBOUR_VOTE = Criterion(
    title="Neighbours' vote",
    reads=("features",),
    whole=lambda run, first, last: _of_run(run, first, last, vote),
    unit="share",
    family="neighbours",
    higher_means="clean",
    source="Zhu et al. (ICML 2022), SimiFeat's vote of the 10 nearest, one round",
)
