"""Forward correction: the prediction is sent through the transition matrix before the loss."""

from torch import Tensor

from training.methods.corrected import Corrected, Loss
from training.methods.transition import through


class ForwardCorrection(Corrected):
    """Forward correction: cross entropy of what the transition matrix T makes of the prediction.

    The network is to predict the true class, T turns that into the given label, and the loss is
    taken there: -log sum_i p_i T[i, t]. T is estimated by a first training (half of the epochs, as
    published), measured on the true labels, or read from a file. Ours reads a class that is
    nobody's given label as the identity does, and refuses a T of condition number above 10,000.

    Source: Patrini et al. (CVPR 2017), Making Deep Neural Networks Robust to Label Noise, and the
    released code of loss-correction for the estimate.
    """

    def corrected_loss(self, transition: Tensor) -> Loss:
        matrix = transition.float().to(self.sizes.device)
        return lambda log_probs, given_label: through(log_probs, matrix, given_label)
