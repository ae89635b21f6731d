"""Plain convolutional networks of the methods' sources, for pictures of about 32 pixels."""

from torch import Tensor, nn

from training.networks.base import Backbone


class SixConvolutions(Backbone):
    """Three pairs of 3 x 3 convolutions with batch norm and ReLU, each pair halving the picture.

    On pictures under 8 pixels, which three halvings leave nothing of, the last pairs do not halve.
    """

    widths: tuple[int, ...]

    def __init__(self, n_channels: int, image_size: tuple[int, int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        n_in, (height, width) = n_channels, image_size
        for number, n_out in enumerate(self.widths):
            layers += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.BatchNorm2d(n_out)]
            layers.append(nn.ReLU(inplace=True))
            n_in = n_out
            if number % 2 and min(height, width) > 1:
                layers.append(nn.MaxPool2d(2))
                height, width = height // 2, width // 2
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.n_features = n_in * height * width

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


class JoCoRCNN(SixConvolutions):
    """Six convolutions: the network of JoCoR, and of Co-teaching+ on CIFAR-100.

    Source: Wei et al. (CVPR 2020), JoCoR; Yu et al. (ICML 2019), Co-teaching+.
    """

    widths = (64, 64, 128, 128, 196, 16)


class D2LCNN(SixConvolutions):
    """Six convolutions and a dense layer: the network of D2L and SCE on CIFAR-10.

    Source: Ma et al. (ICML 2018), D2L; Wang et al. (ICCV 2019), SCE.
    """

    widths = (64, 64, 128, 128, 196, 196)

    def __init__(self, n_channels: int, image_size: tuple[int, int]) -> None:
        super().__init__(n_channels, image_size)
        self.dense = nn.Sequential(
            nn.Linear(self.n_features, 256), nn.BatchNorm1d(256), nn.ReLU(inplace=True)
        )
        self.n_features = 256

    def forward(self, images: Tensor) -> Tensor:
        return self.dense(super().forward(images))


class LeNet(Backbone):
    """Two 5 x 5 convolutions and two dense layers: the network of Co-teaching+ on CIFAR-10.

    Pictures under 16 pixels are padded, so that something is left of them.

    Source: Yu et al. (ICML 2019), Co-teaching+.
    """

    def __init__(self, n_channels: int, image_size: tuple[int, int]) -> None:
        super().__init__()
        padding = 0 if min(image_size) >= 16 else 2
        self.layers = nn.Sequential(
            nn.Conv2d(n_channels, 6, 5, padding=padding),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5, padding=padding),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Flatten(),
        )
        sides = [((side + 2 * padding - 4) // 2 + 2 * padding - 4) // 2 for side in image_size]
        self.dense = nn.Sequential(
            nn.Linear(16 * sides[0] * sides[1], 120),
            nn.ReLU(inplace=True),
            nn.Linear(120, 84),
            nn.ReLU(inplace=True),
        )
        self.n_features = 84

    def forward(self, images: Tensor) -> Tensor:
        return self.dense(self.layers(images))
