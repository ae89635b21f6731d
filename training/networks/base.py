"""The parts of every network: its body, and the last layer on top."""

import torch
from torch import Tensor, nn

from hmw_core.objective.batch import Forward


class Backbone(nn.Module):
    """A network without its last layer: images (B, channels, height, width) to features (B, D)."""

    n_features: int
    """D."""


class Classifier(nn.Module):
    """Features and a linear last layer, whose weight rows are the class vectors W_q of Eq. 10."""

    def __init__(self, backbone: Backbone, n_classes: int, class_bias: bool) -> None:
        super().__init__()
        self.backbone = backbone
        self.last_layer = nn.Linear(backbone.n_features, n_classes, bias=class_bias)

    def forward(self, images: Tensor) -> Forward:
        if self.training and len(images) == 1:
            # Of one value a channel batch norm has no variance: the sample stands beside itself.
            features = self.backbone(images.repeat(2, 1, 1, 1))[:1]
        else:
            features = self.backbone(images)
        with torch.autocast(images.device.type, enabled=False):  # margins are small differences
            logits = self.last_layer(features.float())
        return Forward(logits, features, self.last_layer.weight)
