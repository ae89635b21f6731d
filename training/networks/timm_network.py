"""Any network of timm, by name."""

import difflib
from collections.abc import Iterable

import torch
from torch import nn

from hmw_core.errors import UsageError

PREFIX = "timm:"


def is_timm_name(name: str) -> bool:
    """Tell whether timm has this network; `timm:resnet18` is the same as `resnet18`."""
    import timm  # here, because loading it takes seconds and most runs do not need it

    return timm.is_model(name.removeprefix(PREFIX))


def timm_network(name: str, n_channels: int, image_size: tuple[int, int]) -> nn.Module:
    """Return a timm network without its last layer, freshly initialised.

    Raises
    ------
    UsageError
        If it does not take pictures of this size.
    """
    import timm

    plain = name.removeprefix(PREFIX)
    settings = {"pretrained": False, "num_classes": 0, "in_chans": n_channels}
    try:
        try:
            network = timm.create_model(plain, img_size=image_size, **settings)
        except TypeError:  # a convolutional network takes any size and does not ask for it
            network = timm.create_model(plain, **settings)
        network.eval()  # the probe below must not touch the running statistics
        with torch.no_grad():
            features = network(torch.zeros(1, n_channels, *image_size))
    except (RuntimeError, AssertionError, ValueError) as error:
        height, width = image_size
        raise UsageError(
            f"network {name!r} does not take pictures of {height} x {width} pixels ({error}); "
            "choose another, or set --image-size"
        ) from None
    if features.ndim != 2:
        raise UsageError(f"network {name!r} gives no flat features, so no class vectors either")
    network.n_features = features.shape[1]
    return network


def unknown_network(name: str, ours: Iterable[str]) -> UsageError:
    """Return the error for a name that nobody knows, with the nearest names of timm."""
    import timm

    near = difflib.get_close_matches(name.removeprefix(PREFIX), timm.list_models(), n=3)
    hint = f", such as {', '.join(near)}" if near else ""
    return UsageError(
        f"unknown network {name!r}; known: {', '.join(ours)}, and any name of timm{hint}"
    )
