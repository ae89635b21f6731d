"""A small convolutional network for small pictures."""

from torch import Tensor, nn

from training.networks.base import Backbone

WIDTHS = (32, 64, 128)


class SmallCNN(Backbone):
    """Three stages of convolution, batch norm and ReLU for pictures of 8 to 96 pixels.

    Between stages the picture is halved while it is larger than 4 pixels; the features are the
    averages over what is left of it.

    Source: none; sized so that two CPU cores train it in seconds and it can memorise wrong labels.
    """

    def __init__(self, n_channels: int, image_size: tuple[int, int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        side = min(image_size)
        for n_in, n_out in zip((n_channels, *WIDTHS), WIDTHS, strict=False):
            layers += [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)]
            if side > 4:
                layers.append(nn.MaxPool2d(2))
                side //= 2
        self.layers = nn.Sequential(*layers)
        self.n_features = WIDTHS[-1]

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images).mean(dim=(2, 3))  # (B, 128)
