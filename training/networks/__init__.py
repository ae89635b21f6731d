"""Networks, one file each.

Contract, so that no file repeats it: a network is built from (n_channels, image_size), where
`image_size` is (height, width), as a ``Backbone``: all but the last layer, freshly initialised.
`build_network` puts the last layer on.
"""

from collections.abc import Callable

from training.networks.base import Backbone, Classifier
from training.networks.cifar_resnet import ResNet18, ResNet32, ResNet34, ResNet44, ResNet56
from training.networks.co_teaching_cnn import CoTeachingCNN
from training.networks.dense_net import DenseNet25
from training.networks.plain_cnn import D2LCNN, JoCoRCNN, LeNet
from training.networks.preact_resnet import PreActResNet18, PreActResNet32, PreActResNet34
from training.networks.small_cnn import SmallCNN
from training.networks.timm_network import TimmBackbone, is_timm_name, unknown_network

NETWORKS: dict[str, Callable[[int, tuple[int, int]], Backbone]] = {
    "small_cnn": SmallCNN,
    "preact_resnet18": PreActResNet18,
    "preact_resnet32": PreActResNet32,
    "preact_resnet34": PreActResNet34,
    "resnet18_cifar": ResNet18,
    "resnet32_cifar": ResNet32,
    "resnet34_cifar": ResNet34,
    "resnet44_cifar": ResNet44,
    "resnet56_cifar": ResNet56,
    "densenet25_cifar": DenseNet25,
    "co_teaching_cnn": CoTeachingCNN,
    "jocor_cnn": JoCoRCNN,
    "d2l_cnn": D2LCNN,
    "lenet_cifar": LeNet,
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
