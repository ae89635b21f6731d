"""Pre-activation ResNets for small pictures: the paper's network for CIFAR, and its relatives."""

from torch import Tensor, nn
from torch.nn import functional as F

from training.networks.base import Backbone


class PreActBlock(nn.Module):
    """Two 3 x 3 convolutions, each after batch norm and ReLU, beside a shortcut."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(n_in)
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        reshapes = stride != 1 or n_in != n_out
        self.shortcut = nn.Conv2d(n_in, n_out, 1, stride, bias=False) if reshapes else None

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.norm1(x))
        shortcut = x if self.shortcut is None else self.shortcut(active)
        out = self.conv1(active)
        out = self.conv2(F.relu(self.norm2(out)))
        return out + shortcut


class PreActResNet(Backbone):
    """Stages of blocks, each but the first halving the picture; features are averages.

    As in UNICON, HMW and DivideMix, unlike He et al., there is batch norm and ReLU after the first
    convolution, and none before the pooling: features may be negative.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512)
    n_blocks: tuple[int, ...]
    """Of each stage."""

    def __init__(self, n_channels: int, image_size: tuple[int, int]) -> None:
        super().__init__()
        n_in = self.widths[0]
        self.conv = nn.Conv2d(n_channels, n_in, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(n_in)
        blocks: list[nn.Module] = []
        for stage, (width, n_blocks) in enumerate(zip(self.widths, self.n_blocks, strict=True)):
            for block in range(n_blocks):
                blocks.append(PreActBlock(n_in, width, 2 if stage and not block else 1))
                n_in = width
        self.blocks = nn.Sequential(*blocks)
        self.n_features = n_in

    def forward(self, images: Tensor) -> Tensor:
        out = self.blocks(F.relu(self.norm(self.conv(images))))
        return out.mean(dim=(2, 3))  # (B, D)


class PreActResNet18(PreActResNet):
    """PreAct ResNet-18 for pictures of about 32 pixels: the network of the paper's CIFAR tables.

    Source: He et al. (2016), "Identity mappings"; network file of the released code at 9e4f5ed.
    """

    n_blocks = (2, 2, 2, 2)


class PreActResNet34(PreActResNet):
    """PreAct ResNet-34 for pictures of about 32 pixels: PLC's network on CIFAR.

    Source: He et al. (2016), "Identity mappings"; Zhang et al. (ICLR 2021), PLC.
    """

    n_blocks = (3, 4, 6, 3)


class PreActResNet32(PreActResNet):
    """PreAct ResNet of depth 6 x 5 + 2 for pictures of about 32 pixels: PENCIL's on CIFAR-10.

    Source: He et al. (2016), "Identity mappings"; Yi and Wu (CVPR 2019), PENCIL.
    """

    widths = (16, 32, 64)
    n_blocks = (5, 5, 5)
