"""A network with its last layer: what every training step calls."""

from torch import Tensor, nn

from hmw_core.batch import Forward


class Classifier(nn.Module):
    """Features and a linear last layer, whose weight rows are the class vectors W_q of Eq. 10."""

    def __init__(self, backbone: nn.Module, n_classes: int, class_bias: bool) -> None:
        super().__init__()
        self.backbone = backbone
        self.last_layer = nn.Linear(int(backbone.n_features), n_classes, bias=class_bias)

    def forward(self, images: Tensor) -> Forward:
        features = self.backbone(images)
        return Forward(self.last_layer(features), features, self.last_layer.weight)
