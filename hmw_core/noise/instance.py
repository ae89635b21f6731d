"""Instance-dependent noise: the picture decides which label it is mistaken for."""

import numpy as np

from hmw_core.errors import UsageError
from hmw_core.noise.clean_labels import CleanLabels

RATE_SPREAD = 0.1
"""Standard deviation of the flip rate between samples."""
PIXEL_SCALES = ("raw255", "unit", "standardised")


def instance(clean: CleanLabels, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Flip each sample with its own rate to the class that a random projection scores high.

    Rates are normal around `rate` with spread 0.1, cut to [0, 1]; so near 0 and 1 their mean
    lies inside. Rate 0 leaves every label. Each true class has its own random projection of the
    flattened picture to C scores; the new label is drawn from their softmax, true class left out.

    `pixel_scale` "raw255" (faithful) makes scores spread over thousands: where a picture flips
    to is then fixed, only whether it flips is drawn. "unit" (0..1) and "standardised" (per
    channel) give softer targets.

    Raises
    ------
    UsageError
        If there are no images as one array of numbers, or the scale is unknown.

    Notes
    -----
    Source: Xia et al. (2020), the generator of the experiments on part-dependent label noise.
    """
    if not isinstance(clean.images, np.ndarray) or not np.issubdtype(clean.images.dtype, np.number):
        raise UsageError(
            "noise 'instance' reads the pixels and needs all images as one array of equal size; "
            "this data set has none, use symmetric or pair_flip"
        )
    if clean.pixel_scale not in PIXEL_SCALES:
        raise UsageError(
            f"unknown pixel scale {clean.pixel_scale!r}; known: {', '.join(PIXEL_SCALES)}"
        )
    given_label = clean.true_label.copy()
    if rate == 0:
        return given_label
    flips = rng.random(len(given_label)) < _rates(rate, len(given_label), rng)
    offset, scale = _pixel_scaling(clean.images, clean.pixel_scale)
    n_pixels = clean.images[0].size
    for label in range(clean.n_classes):  # one projection at a time: C of them may not fit
        projection = rng.standard_normal((n_pixels, clean.n_classes), dtype=np.float32)
        members = np.flatnonzero(flips & (clean.true_label == label))
        # Gumbel noise on the scores and argmax: a draw from the softmax, safe with scores of 1e4.
        gumbel = rng.gumbel(size=(len(members), clean.n_classes))
        pixels = (clean.images[members].astype(np.float32) - offset) / scale
        scores = pixels.reshape(len(members), n_pixels) @ projection + gumbel
        scores[:, label] = -np.inf
        given_label[members] = scores.argmax(axis=1)
    return given_label


def _rates(rate: float, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    rates = rng.normal(rate, RATE_SPREAD, n_samples)
    while (outside := (rates < 0) | (rates > 1)).any():  # at worst half of them each time
        rates[outside] = rng.normal(rate, RATE_SPREAD, np.count_nonzero(outside))
    return rates


def _pixel_scaling(images: np.ndarray, pixel_scale: str) -> tuple[np.ndarray, np.ndarray]:
    """Return what to subtract and what to divide by, float32, one number or one a channel."""
    zero, one = np.zeros(1, np.float32), np.ones(1, np.float32)
    if pixel_scale == "raw255":
        return zero, one
    if pixel_scale == "unit":
        return zero, 255 * one
    axes = tuple(range(min(images.ndim, 3)))  # everything but the channels, where there are any
    mean = images.mean(axis=axes, dtype=np.float64)
    squares = np.zeros_like(mean)
    for chunk in np.array_split(images, len(images) // 1000 + 1):  # bounded memory
        squares += np.square(chunk, dtype=np.float64).sum(axis=axes)
    n_values = images.size / mean.size
    deviation = np.sqrt(np.maximum(squares / n_values - mean**2, 1e-12))  # constant channel
    return mean.astype(np.float32), deviation.astype(np.float32)
