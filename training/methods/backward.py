"""Backward correction: the losses of all classes are mixed by the inverse transition matrix."""

import math

from torch import Tensor

from training.methods.corrected import Corrected, Loss
from training.methods.transition import through

SMALLEST = 1e-7  # of a probability in the loss, and what 1 exceeds the largest by


def backward_losses(log_probs: Tensor, inverse: Tensor, given_label: Tensor) -> Tensor:
    """Return the backward-corrected loss (B,), nat: its mean is unbiased, single ones may be < 0.

    Parameters
    ----------
    log_probs : Tensor of shape (B, C)
        Of the true class, as predicted; probabilities are clipped to [1e-7, 1 - 1e-7].
    inverse : Tensor of shape (C, C)
        Of the transition matrix.
    given_label : Tensor of shape (B,), int64

    Notes
    -----
    Source: Patrini et al. (CVPR 2017), the backward correction.
    """
    clipped = log_probs.clamp(math.log(SMALLEST), math.log1p(-SMALLEST))
    return -(inverse[given_label] * clipped).sum(dim=1)


class BackwardCorrection(Corrected):
    """Backward correction: loss = sum_j T^-1[t, j] (-log p_j), whose mean knows no noise.

    Averaged over the labels that T gives a sample, this is its loss against the true label. Single
    losses may be negative and large where T is nearly singular, so T is refused above a condition
    number of 10,000; the log keeps cross entropy with the given label. T comes as for `forward`,
    and so does the posterior: the corrected loss itself ranks nothing.

    Source: Patrini et al. (CVPR 2017), Making Deep Neural Networks Robust to Label Noise, and the
    released code of loss-correction for the clipping.
    """

    def corrected_loss(self, transition: Tensor) -> Loss:
        device = self.sizes.device
        matrix, inverse = (m.float().to(device) for m in (transition, transition.inverse()))

        def loss(log_probs: Tensor, given_label: Tensor) -> tuple[Tensor, Tensor]:
            _, posterior = through(log_probs.detach(), matrix, given_label)
            return backward_losses(log_probs, inverse, given_label), posterior

        return loss
