"""The paper's network for CIFAR: the pre-activation ResNet-18 of the DivideMix lineage."""

from torch import Tensor, nn
from torch.nn import functional as F

from training.networks.base import Backbone

STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))
"""Width and stride of each stage; two blocks a stage."""


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


class PreActResNet18(Backbone):
    """PreAct ResNet-18 for pictures of about 32 pixels: the network of the paper's CIFAR tables.

    As in UNICON, HMW and DivideMix, unlike He et al., there is batch norm and ReLU after the first
    convolution, and none before the pooling: features may be negative.

    Source: He et al. (2016), "Identity mappings"; network file of the released code at 9e4f5ed.
    """

    def __init__(self, n_channels: int, image_size: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_channels, 64, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(64)
        blocks: list[nn.Module] = []
        n_in = 64
        for width, stride in STAGES:
            blocks += [PreActBlock(n_in, width, stride), PreActBlock(width, width, 1)]
            n_in = width
        self.blocks = nn.Sequential(*blocks)
        self.n_features = n_in

    def forward(self, images: Tensor) -> Tensor:
        out = self.blocks(F.relu(self.norm(self.conv(images))))
        return out.mean(dim=(2, 3))  # (B, 512)
