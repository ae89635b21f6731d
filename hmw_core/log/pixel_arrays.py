"""Pictures as arrays of any type and shape, brought to bytes by the decoder's rules."""

from typing import Any

import numpy as np
from PIL import Image

from hmw_core.log.decoding import BadPicture, to_8_bits, to_rgb


def as_pixels(images: Any) -> np.ndarray:
    """Return pictures of any array as uint8 of shape (N, H, W) or (N, H, W, 3).

    Parameters
    ----------
    images : array of shape (N, H, W), (N, H, W, C) or (N, C, H, W)
        C is 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha); where both ends could be C, the
        last is.

    Raises
    ------
    BadPicture
        If shape or values are none of these.
    """
    values = np.asarray(images)
    channels = (1, 2, 3, 4)
    if values.ndim == 4 and values.shape[3] not in channels and values.shape[1] in channels:
        values = values.transpose(0, 2, 3, 1)
    if not (values.ndim == 3 or (values.ndim == 4 and values.shape[3] in channels)):
        raise BadPicture(
            f"an array of shape {values.shape}; accepted are (N, H, W), (N, H, W, C) and "
            "(N, C, H, W) with 1 to 4 channels C"
        )
    if 0 in values.shape[1:]:
        raise BadPicture(f"pictures without a pixel: an array of shape {values.shape}")
    values = to_8_bits(values)
    if values.ndim == 3 or values.shape[3] == 3:
        return np.ascontiguousarray(values)
    if values.shape[3] == 1:
        return np.ascontiguousarray(values[..., 0])
    return np.stack([np.asarray(to_rgb(Image.fromarray(picture))) for picture in values])
