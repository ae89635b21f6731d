"""A DenseNet for small pictures."""

import torch
from torch import Tensor, nn

from training.networks.base import Backbone

GROWTH, N_LAYERS = 12, 7  # of each of three blocks: depth 3 x 7 + 4 = 25


class DenseLayer(nn.Module):
    """Adds some channels to those it is given."""

    def __init__(self, n_in: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm2d(n_in),
            nn.ReLU(inplace=True),
            nn.Conv2d(n_in, GROWTH, 3, padding=1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((x, self.layers(x)), dim=1)


class DenseNet25(Backbone):
    """DenseNet of depth 25 and growth 12 for pictures of about 32 pixels: SELFIE's network.

    Source: Huang et al. (CVPR 2017), without bottlenecks; Song et al. (ICML 2019), SELFIE.
    """

    def __init__(self, n_channels: int, image_size: tuple[int, int]) -> None:
        super().__init__()
        n = 2 * GROWTH
        layers: list[nn.Module] = [nn.Conv2d(n_channels, n, 3, padding=1, bias=False)]
        for block in range(3):
            if block:
                layers += [
                    nn.BatchNorm2d(n),
                    nn.ReLU(inplace=True),
                    nn.Conv2d(n, n, 1, bias=False),
                    nn.AvgPool2d(2),
                ]
            for _ in range(N_LAYERS):
                layers.append(DenseLayer(n))
                n += GROWTH
        self.layers = nn.Sequential(*layers, nn.BatchNorm2d(n), nn.ReLU(inplace=True))
        self.n_features = n

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images).mean(dim=(2, 3))  # (B, 276)
