"""ResNets for small pictures: a first layer of 3 x 3 that does not shrink them."""

from torch import Tensor, nn

from training.networks.base import Backbone


class CifarResNet(Backbone):
    """Stages of basic blocks, each but the first halving the picture; features are averages.

    The shortcuts that change the width are 1 x 1 convolutions with batch norm.
    """

    widths: tuple[int, ...] = (16, 32, 64)
    n_blocks: tuple[int, ...]
    """Of each stage."""

    def __init__(self, n_channels: int, image_size: tuple[int, int]) -> None:
        from torchvision.models.resnet import BasicBlock  # takes a second; most runs need none

        super().__init__()
        n_in = self.widths[0]
        layers: list[nn.Module] = [
            nn.Conv2d(n_channels, n_in, 3, padding=1, bias=False),
            nn.BatchNorm2d(n_in),
            nn.ReLU(inplace=True),
        ]
        for stage, (width, n_blocks) in enumerate(zip(self.widths, self.n_blocks, strict=True)):
            for block in range(n_blocks):
                stride = 2 if stage and not block else 1
                shortcut = None
                if n_in != width:
                    shortcut = nn.Sequential(
                        nn.Conv2d(n_in, width, 1, stride, bias=False), nn.BatchNorm2d(width)
                    )
                layers.append(BasicBlock(n_in, width, stride, shortcut))
                n_in = width
        self.layers = nn.Sequential(*layers)
        self.n_features = n_in

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images).mean(dim=(2, 3))  # (B, D)


class ResNet18(CifarResNet):
    """ResNet-18 for pictures of about 32 pixels.

    Source: He et al. (CVPR 2016), with the first layer of their CIFAR networks.
    """

    widths = (64, 128, 256, 512)
    n_blocks = (2, 2, 2, 2)


class ResNet34(CifarResNet):
    """ResNet-34 for pictures of about 32 pixels: the network of ELR and GCE on CIFAR.

    Source: He et al. (CVPR 2016), with the first layer of their CIFAR networks.
    """

    widths = (64, 128, 256, 512)
    n_blocks = (3, 4, 6, 3)


class ResNet32(CifarResNet):
    """ResNet of depth 6 x 5 + 2 for pictures of about 32 pixels.

    Source: He et al. (CVPR 2016), Section 4.2.
    """

    n_blocks = (5, 5, 5)


class ResNet44(CifarResNet):
    """ResNet of depth 6 x 7 + 2 for pictures of about 32 pixels.

    Source: He et al. (CVPR 2016), Section 4.2.
    """

    n_blocks = (7, 7, 7)


class ResNet56(CifarResNet):
    """ResNet of depth 6 x 9 + 2 for pictures of about 32 pixels: MentorNet's student.

    Source: He et al. (CVPR 2016), Section 4.2.
    """

    n_blocks = (9, 9, 9)
