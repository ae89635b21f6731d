"""Per-sample weights on the loss (torch), one file each.

Contract, so that no file repeats it: a weighting is an ``nn.Module`` built with ``n_samples``,
``n_epochs`` and its own keyword parameters (defaults: the paper's). Called once a batch with
``(cosine, given_label, sample_id, epoch)``, shapes (B, C), (B,), (B,) and a 1-based int, all
tensors on the module's device, it returns float32 weights of shape (B,), >= 0, without gradient.
The cosines are those of ``cosine_to_classes``. State lives in buffers, so ``state_dict`` carries
it and a resumed run is exact. ``check_classes(n_classes)`` raises ``UsageError`` where the number
of classes is too small for the parameters, so that a caller can ask before anything is trained.
``arguments`` tells a form of those that ``--weighting-args`` may set; a weighting without any
leaves it out.
"""

from torch import nn

from hmw_core.objective.weighting.hmw import HMWeighting
from hmw_core.objective.weighting.uniform import UniformWeighting

WEIGHTINGS: dict[str, type[nn.Module]] = {
    "uniform": UniformWeighting,
    "hmw": HMWeighting,
}
