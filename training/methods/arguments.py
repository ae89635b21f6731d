"""The arguments that several methods have."""

from hmw_core.catalogue import Argument

NOISE_RATE = Argument(
    "noise_rate",
    None,
    0.0,
    1.0,
    "",
    "share of the labels that is taken to be wrong; by default the rate of the noise",
    default_from="noise_rate",
)
VALIDATION_SHARE = Argument(
    "validation_share",
    0.1,
    0.0,
    0.5,
    "",
    "of each class, by given label, that is held out of the training to choose by",
)
