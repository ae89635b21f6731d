"""The transition matrix of label noise: what it makes of a prediction, estimated and checked.

Shape letters: B samples, C classes, N training samples.
"""

import numpy as np
import torch
from torch import Tensor

from hmw_core.catalogue import Argument, Choice
from hmw_core.class_limit import check_classes
from hmw_core.errors import UsageError
from training.data.epoch_data import EpochData
from training.methods.base import Sizes
from training.methods.best_so_far import evaluated
from training.methods.transition_file import read_transition
from training.networks.base import Classifier

LARGEST_CONDITION = 1e4
"""Above it, an error of a thousandth in T can change a corrected loss by ten times its size."""
SMALLEST = 1e-30  # of a probability, so that its logarithm is finite
ESTIMATED, TRUE = "estimated", "true"

TRANSITION = Choice(
    "transition",
    ESTIMATED,
    (ESTIMATED, TRUE),
    "the transition matrix P(given | true) that the loss is corrected with: estimated by a first "
    "training, measured on the true labels, or from a CSV or JSON file whose rows are true classes",
    or_file=True,
)
ESTIMATE_EPOCHS = Argument(
    "estimate_epochs",
    120,
    1,
    1e6,
    "epochs",
    "of the first training, which estimates the transition matrix; none where it is given",
    whole=True,
    of_epochs=240,
)
PERCENTILE = Argument(
    "percentile",
    100.0,
    1.0,
    100.0,
    "",
    "a class is read off the picture of the largest probability below this percentile; 100 is the "
    "largest of all, and the source takes 97 on CIFAR-10",
)


def through(log_probs: Tensor, transition: Tensor, given_label: Tensor) -> tuple[Tensor, Tensor]:
    """Return the given labels' loss and posterior, seen through a transition matrix.

    Parameters
    ----------
    log_probs : Tensor of shape (B, C)
        Of the true class, as predicted.
    transition : Tensor of shape (C, C)
        P(given | true), rows sum to 1.
    given_label : Tensor of shape (B,), int64

    Returns
    -------
    loss : Tensor of shape (B,)
        ``-log sum_i p_i T[i, t]``, nat, finite also where T has zeros.
    posterior : Tensor of shape (B,)
        ``p_t T[t, t] / sum_i p_i T[i, t]``, in [0, 1]: that the given label is the true one.

    Notes
    -----
    Source: Patrini et al. (CVPR 2017), the forward correction; the posterior is Bayes' rule.
    """
    column = transition.clamp_min(SMALLEST).log().T[given_label]  # (B, C): log T[:, t]
    joint = log_probs + column
    log_given = joint.logsumexp(dim=1)
    own = joint.gather(1, given_label[:, None])[:, 0]
    return -log_given, (own - log_given).exp()


def estimated_transition(
    probs: np.ndarray, has_sample: np.ndarray, percentile: float
) -> np.ndarray:
    """Return the transition matrix as read off one picture for each class.

    Parameters
    ----------
    probs : ndarray of shape (N, C), float
        Noisy posteriors: what a network trained on the given labels predicts.
    has_sample : ndarray of shape (C,), bool
        Whether any given label is the class. The row of one that is nobody's is the identity's:
        nothing was learned of it.
    percentile : float
        In (0, 100]. Below 100 the picture of the largest probability strictly below it stands for
        the class, where there is one: the largest of all may be an outlier.

    Returns
    -------
    ndarray of shape (C, C), float64
        Rows sum to 1.

    Notes
    -----
    Source: Patrini et al. (CVPR 2017), Eqs. 12 and 13. The released code sets the probabilities
    that it discards to zero in place, so that later rows can read zeros; ours copies.
    """
    candidates = np.asarray(probs, dtype=np.float64)
    if percentile < 100:
        bound = np.percentile(candidates, percentile, axis=0)
        below = candidates < bound
        candidates = np.where(below | ~below.any(axis=0), candidates, -1.0)
    anchor = candidates.argmax(axis=0)  # (C,)
    rows = np.asarray(probs, dtype=np.float64)[anchor]
    rows = rows / rows.sum(axis=1, keepdims=True)
    return np.where(has_sample[:, None], rows, np.eye(len(rows)))


def given_transition(word: str, sizes: Sizes) -> np.ndarray | None:
    """Return the matrix (C, C) that a value of `TRANSITION` names; None for `estimated`.

    Raises
    ------
    UsageError
        If there are too many classes, nothing is measured, or the file is no such matrix.
    """
    check_classes(sizes.n_classes, "a transition matrix")
    if word == ESTIMATED:
        return None
    if word == TRUE:
        if sizes.measured_transition is None:
            raise UsageError(
                "--method-args transition true needs the true labels, and this data set does not "
                f"know them: take {ESTIMATED}, or a file"
            )
        matrix = np.array(sizes.measured_transition, dtype=np.float64)
    else:
        matrix = read_transition(word, sizes.class_names, sizes.n_classes)
    check_condition(matrix, f"--method-args transition {word}:")
    return matrix


def condition_number(transition: np.ndarray) -> float:
    """Return the largest over the smallest singular value, >= 1; inf where it is singular."""
    return max(1.0, float(np.linalg.cond(transition)))


def check_condition(transition: np.ndarray, what: str) -> None:
    """Refuse a matrix that cannot be undone: two of its classes are given nearly the same labels.

    Raises
    ------
    UsageError
        If the condition number is above `LARGEST_CONDITION`; `what` begins the sentence.
    """
    condition = condition_number(transition)
    if not condition <= LARGEST_CONDITION:
        raise UsageError(
            f"{what} the transition matrix has the condition number {condition:.3g}, and a loss "
            f"can be corrected up to {LARGEST_CONDITION:,.0f}: its rows hardly differ, so the "
            "given labels do not tell some classes apart"
        )


def predicted_probs(network: Classifier, data: EpochData, normalize: bool) -> Tensor:
    """Return what a network predicts of all training pictures, not augmented, (N, C) float32."""
    found = [out.loss_logits(normalize).softmax(dim=1) for out, _ in evaluated(network, data)]
    return torch.cat(found)
