"""The nine-layer network of Co-teaching."""

from torch import Tensor, nn

from training.networks.base import Backbone

STAGES = ((128, 128, 128), (256, 256, 256), (512, 256, 128))
SLOPE, DROPOUT = 0.01, 0.25


class CoTeachingCNN(Backbone):
    """Nine convolutions with batch norm and leaky ReLU, for pictures of 4 pixels or more.

    After the first and the second three the picture is halved and a quarter of the channels is
    dropped; the features are averages over what remains. The last three have no padding, but on
    pictures under 28 pixels, which they would leave nothing of.

    Source: Han et al. (NeurIPS 2018), Table 2, and the released code.
    """

    def __init__(self, n_channels: int, image_size: tuple[int, int]) -> None:
        super().__init__()
        last_padding = 0 if min(image_size) >= 28 else 1
        layers: list[nn.Module] = []
        n_in = n_channels
        for stage in STAGES:
            is_last = stage is STAGES[-1]
            for n_out in stage:
                layers += [
                    nn.Conv2d(n_in, n_out, 3, padding=last_padding if is_last else 1),
                    nn.BatchNorm2d(n_out),
                    nn.LeakyReLU(SLOPE, inplace=True),
                ]
                n_in = n_out
            if not is_last:
                layers += [nn.MaxPool2d(2), nn.Dropout2d(DROPOUT)]
        self.layers = nn.Sequential(*layers)
        self.n_features = n_in

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images).mean(dim=(2, 3))  # (B, 128)
