"""Per-sample losses (torch), one file each.

Contract, so that no file repeats it: a loss is an ``nn.Module`` built with ``n_samples``,
``n_classes`` and its own keyword-only parameters (defaults: the paper's), and called with a
``Forward`` and a ``Batch``. It returns shape (B,) in nat, never a mean, at least float32 also
under autocast, finite for finite logits. It may keep state per ``batch.sample_id`` in buffers.
Every loss takes ``normalize_logits``: see ``Forward.loss_logits``. A parameter out of range is a
``UsageError`` when the loss is built. ``arguments`` tells a form of those that ``--loss-args`` may
set; a loss without any leaves it out.
"""

from torch import nn

from hmw_core.objective.losses.cross_entropy import CrossEntropy
from hmw_core.objective.losses.generalized_cross_entropy import GeneralizedCrossEntropy
from hmw_core.objective.losses.symmetric_cross_entropy import SymmetricCrossEntropy

LOSSES: dict[str, type[nn.Module]] = {
    "ce": CrossEntropy,
    "sce": SymmetricCrossEntropy,
    "gce": GeneralizedCrossEntropy,
}
