"""What a training step hands to a loss: the batch and its one forward pass (torch).

Shape letters: B samples, C classes, D features.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class Batch:
    """One minibatch. It has no true label on purpose: nothing that trains may see one."""

    views: tuple[Tensor, ...]
    """(B, channels, height, width) each, float: the same pictures, each augmented anew."""
    given_label: Tensor
    """(B,), int64: the label trained on."""
    sample_id: Tensor
    """(B,), int64: row of the unshuffled training set."""
    epoch: int
    """1-based."""

    @property
    def images(self) -> Tensor:
        """The first view, which is the only one for most methods."""
        return self.views[0]


@dataclass(frozen=True, slots=True)
class Forward:
    """What the network said about a batch, before the optimizer step."""

    logits: Tensor
    """(B, C), raw."""
    features: Tensor
    """(B, D): the input of the last layer."""
    class_vectors: Tensor
    """(C, D): the weight rows of the last layer, no bias."""

    def loss_logits(self, normalize: bool) -> Tensor:
        """Return the logits as a loss uses them, (B, C), at least float32 whatever autocast did.

        With `normalize` each row is divided by its L2 norm (a zero row stays zero).

        Notes
        -----
        Source: not in the HMW paper; its released code does this in every loss. Cross entropy of
        10 classes is then bounded to [1.420, 3.289].
        """
        logits = self.logits.to(torch.promote_types(self.logits.dtype, torch.float32))
        return F.normalize(logits, dim=1) if normalize else logits
