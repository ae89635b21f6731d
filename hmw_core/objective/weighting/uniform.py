"""No weighting: every sample counts 1."""

import torch
from torch import Tensor, nn


class UniformWeighting(nn.Module):
    """Uniform: the weight is 1 for every sample of every epoch.

    Source: none needed; the paper's baselines without HMW.
    """

    def __init__(self, n_samples: int, n_epochs: int) -> None:
        super().__init__()

    def check_classes(self, n_classes: int) -> None:
        """Accept any number of classes."""

    def forward(self, cosine: Tensor, given_label: Tensor, sample_id: Tensor, epoch: int) -> Tensor:
        return torch.ones(len(cosine), device=cosine.device)
