"""The log's columns of a batch, computed by torch on the device of its logits.

`hmw_core.recording.signals` computes the same columns in numpy and is the specification; a parity
test ties the two. On a device the columns are all that is kept of a step.
"""

import torch
from torch import Tensor

from hmw_core.log.schema import DISTANCES
from hmw_core.log.tables import HALF_MAX, N_TOPK
from hmw_core.margins import HMSettings
from hmw_core.objective.losses.stable import cross_entropy
from hmw_core.objective.weighting.hmw import hm_slice, top_values


@torch.no_grad()
def signal_columns(
    logits: Tensor, cosine: Tensor | None, given_label: Tensor, settings: HMSettings
) -> dict[str, Tensor]:
    """Return the columns of `schema.SIGNALS` that follow from logits and cosines, (B,) each.

    Parameters
    ----------
    logits : Tensor of shape (B, C)
    cosine : Tensor of shape (B, C), optional
        Eq. 10. Without it distances and slice are NaN.
    given_label : Tensor of shape (B,), int64
    settings : HMSettings

    Notes
    -----
    Source: HMW (AAAI-24), Eqs. 5, 6, 11 and 12.
    """
    logits = logits.float()
    entropy = cross_entropy(logits, given_label)
    top = top_values(logits, given_label, settings.k)
    is_known = top.given.isfinite() & (top.other < torch.inf)
    columns = {
        "loss": entropy,
        "predicted_label": torch.where(is_known, logits.argmax(dim=1), -1).int(),
        "confidence": torch.exp(torch.where(is_known, -entropy, torch.nan)),
        "given_logit": top.given,
        "other_logit": top.other,
        "topk_logit": top.topk,
        "other_label": top.other_label.int(),
    }
    if cosine is None:
        empty = torch.full_like(entropy, torch.nan)
        return columns | dict.fromkeys((*DISTANCES, "hm_slice"), empty)
    near = top_values(cosine.float(), given_label, settings.k)
    distances = ((1 - value) / 2 for value in (near.given, near.other, near.topk))
    columns |= dict(zip(DISTANCES, distances, strict=True))
    terms = "aum" if cosine.shape[1] == 2 else "both"  # two classes have no TKUM
    columns["hm_slice"] = hm_slice(near, settings, terms)
    return columns


@torch.no_grad()
def half_outputs(logits: Tensor, cosine: Tensor | None, keep: str) -> dict[str, Tensor]:
    """Return what the log keeps of a batch's outputs, as `log.tables.half_outputs`."""
    if keep == "none":
        return {}
    if keep == "full":
        found = {"logits": logits} if cosine is None else {"logits": logits, "cosine": cosine}
        return {name: _half(values) for name, values in found.items()}
    largest, label = logits.float().topk(min(N_TOPK, logits.shape[1]))
    return {
        "top_label": label.int(),
        "top_logit": _half(largest),
        "logsumexp": logits.float().logsumexp(dim=1),
    }


def _half(values: Tensor) -> Tensor:
    half = values.clamp(-HALF_MAX, HALF_MAX).half()
    return torch.where(values.isinf(), values.half(), half)
