"""Networks, one file each.

Contract, so that no file repeats it: a network is built from (n_channels, image_size), where
`image_size` is (height, width), as a ``Backbone``: all but the last layer, freshly initialised.
`build_network` puts the last layer on.
"""

from collections.abc import Callable

from training.networks.base import Backbone, Classifier
from training.networks.co_teaching_cnn import CoTeachingCNN
from training.networks.preact_resnet18 import PreActResNet18
from training.networks.small_cnn import SmallCNN
from training.networks.timm_network import TimmBackbone, is_timm_name, unknown_network

NETWORKS: dict[str, Callable[[int, tuple[int, int]], Backbone]] = {
    "small_cnn": SmallCNN,
    "preact_resnet18": PreActResNet18,
    "co_teaching_cnn": CoTeachingCNN,
}


def build_network(
    name: str, n_channels: int, image_size: tuple[int, int], n_classes: int, class_bias: bool
) -> Classifier:
    """Return the network `name` with its last layer: one of `NETWORKS`, or any that timm knows.

    Raises
    ------
    UsageError
        If the name is unknown, or the network does not take pictures of this size.
    """
    if name in NETWORKS:
        backbone: Backbone = NETWORKS[name](n_channels, image_size)
    elif is_timm_name(name):
        backbone = TimmBackbone(name, n_channels, image_size)
    else:
        raise unknown_network(name, NETWORKS)
    return Classifier(backbone, n_classes, class_bias)
