"""Training methods: what happens in one epoch, one file each.

Contract, so that no file repeats it: a method is a `Method` built with a ``RunConfig`` and a
``Problem``. It owns its networks, optimizers and passes; the loop never asks which one it is.
Most methods only need `step` (own update); one with passes or loaders of its own overrides
`run_epoch`. What is neither is a loss or a weighting, and belongs into those registries.
"""

from training.methods.base import Method
from training.methods.standard import Standard

METHODS: dict[str, type[Method]] = {
    "standard": Standard,
}
