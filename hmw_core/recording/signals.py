"""From a batch's logits and cosines to the columns of `signals/`, in numpy: the specification."""

import numpy as np

from hmw_core.log.schema import DISTANCES
from hmw_core.margins import HMSettings, cosine_distance, slice_of_distances, top_values

# What `RunWriter.record_signals` takes; all else follows from these or from cosines.
RECORDABLE = (
    "loss",
    "given_logit",
    "other_logit",
    "topk_logit",
    "weight",
    "predicted_label",
    "other_label",
    "confidence",
)


def cross_entropy(logits: np.ndarray, given_label: np.ndarray) -> np.ndarray:
    """Return -log softmax(logits)[given_label], shape (B,), in nat, for logits of shape (B, C).

    The given logit is taken against the sum of the others, so that the loss of a memorised sample
    (1e-9, say) is that and not a rounded 0: ranks need it. It is 0 where all others are ruled out
    by minus infinity, infinite where the given class is, and NaN with a NaN or plus infinity.
    """
    rows = np.arange(len(logits))
    others = logits.T.copy()  # (C, B): what runs along the classes is several times as fast
    given = others[given_label, rows]
    others[given_label, rows] = -np.inf
    largest = others.max(axis=0)
    largest[np.isneginf(largest)] = 0.0  # all other classes are masked: the loss is 0
    given = np.where(np.isposinf(given), np.nan, given)  # no softmax, whatever the others are
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):  # a row of NaN stays one
        others -= largest
        np.exp(others, out=others)
        return np.logaddexp(0, (largest - given) + np.log(others.sum(axis=0)))


def signal_columns(
    logits: np.ndarray, cosine: np.ndarray | None, given_label: np.ndarray, settings: HMSettings
) -> dict[str, np.ndarray]:
    """Return the columns of `schema.SIGNALS` that follow from logits and cosines, (B,) each.

    Where the given logit is not finite, or another one is NaN or plus infinity, the confidence is
    NaN and the prediction -1: both become null in the log.

    Parameters
    ----------
    logits : ndarray of shape (B, C)
    cosine : ndarray of shape (B, C), optional
        Eq. 10. Without it distances and slice are NaN.
    given_label : ndarray of shape (B,), int
    settings : HMSettings

    Notes
    -----
    Source: HMW (AAAI-24), Eqs. 5, 6, 11 and 12.
    """
    entropy = cross_entropy(logits, given_label)
    top = top_values(logits, given_label, settings.k)
    is_known = np.isfinite(top.given) & (top.other < np.inf)
    columns = {
        "loss": entropy,
        "predicted_label": np.where(is_known, logits.argmax(axis=1), -1),
        "confidence": np.exp(np.where(is_known, -entropy, np.nan)),
        "given_logit": top.given,
        "other_logit": top.other,
        "topk_logit": top.topk,
        "other_label": top.other_label,
    }
    if cosine is None:
        empty = np.full(len(logits), np.nan, dtype=np.float32)
        return columns | dict.fromkeys((*DISTANCES, "hm_slice"), empty)
    near = top_values(-cosine_distance(cosine), given_label, settings.k)
    distances = -near.given, -near.other, -near.topk
    columns |= dict(zip(DISTANCES, distances, strict=True))
    columns["hm_slice"] = slice_of_distances(*distances, settings.alpha, settings.beta)
    return columns
