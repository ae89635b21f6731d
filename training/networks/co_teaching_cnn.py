"""The nine-layer network of Co-teaching."""

from torch import Tensor, nn

from hmw_core.errors import UsageError
from training.networks.base import Backbone

STAGES = ((128, 128, 128), (256, 256, 256), (512, 256, 128))
SLOPE, DROPOUT = 0.01, 0.25


class CoTeachingCNN(Backbone):
    """Nine convolutions with batch norm and leaky ReLU, for pictures of 28 pixels or more.

    After the first and the second three the picture is halved and a quarter of the channels is
    dropped; the last three have no padding, and the features are averages over what remains.

    Source: Han et al. (NeurIPS 2018), Table 2, and the released code.
    """

    def __init__(self, n_channels: int, image_size: tuple[int, int]) -> None:
        super().__init__()
        smallest = min(image_size)
        if smallest < 28:
            raise UsageError(
                f"co_teaching_cnn takes pictures of 28 pixels or more, got {smallest}; "
                "small_cnn takes smaller ones"
            )
        layers: list[nn.Module] = []
        n_in = n_channels
        for stage in STAGES:
            is_last = stage is STAGES[-1]
            for n_out in stage:
                layers += [
                    nn.Conv2d(n_in, n_out, 3, padding=0 if is_last else 1),
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
