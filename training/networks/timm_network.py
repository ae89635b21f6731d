"""Any network of timm, by name."""

import difflib
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from hmw_core.errors import UsageError
from training.networks.base import Backbone

PREFIX = "timm:"


def is_timm_name(name: str) -> bool:
    """Tell whether timm has this network; `timm:resnet18` is the same as `resnet18`."""
    import timm  # here, because loading it takes seconds and most runs do not need it

    return timm.is_model(name.removeprefix(PREFIX))


class TimmBackbone(Backbone):
    """A timm network without its last layer, freshly initialised.

    Raises
    ------
    UsageError
        If it does not take pictures of this size.
    """

    def __init__(self, name: str, n_channels: int, image_size: tuple[int, int]) -> None:
        super().__init__()
        try:
            self.network = _create(name.removeprefix(PREFIX), n_channels, image_size)
            self.network.eval()  # the probe must not touch the running statistics
            with torch.no_grad():
                features = self.network(torch.zeros(1, n_channels, *image_size))
        except (RuntimeError, AssertionError, ValueError) as error:
            height, width = image_size
            raise UsageError(
                f"network {name!r} does not take pictures of {height} x {width} pixels ({error}); "
                "choose another, or set --image-size"
            ) from None
        if features.ndim != 2:
            raise UsageError(f"network {name!r} has no flat features, so no class vectors either")
        self.n_features = features.shape[1]

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)


def _create(name: str, n_channels: int, image_size: tuple[int, int]) -> nn.Module:
    import timm

    try:
        return timm.create_model(name, num_classes=0, in_chans=n_channels, img_size=image_size)
    except TypeError:  # a convolutional network takes any size and does not ask for it
        return timm.create_model(name, num_classes=0, in_chans=n_channels)


def unknown_network(name: str, ours: Iterable[str]) -> UsageError:
    """Return the error for a name that nobody knows, with the nearest names of timm."""
    import timm

    near = difflib.get_close_matches(name.removeprefix(PREFIX), timm.list_models(), n=3)
    hint = f", such as {', '.join(near)}" if near else ""
    return UsageError(
        f"unknown network {name!r}; known: {', '.join(ours)}, and any name of timm{hint}"
    )
