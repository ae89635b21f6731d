"""Top-K Under the Margin: how far one other class stands out of the rest.

Source: HMW (AAAI-24), Eq. 6, averaged over epochs as AUM is.
"""

from hmw_core.criteria.criterion import Criterion

TKUM = Criterion(
    title="TKUM",
    reads=("other_logit", "topk_logit"),
    slice=lambda signals: signals["other_logit"] - signals["topk_logit"],
    over="mean",
    unit="logit",
    family="margin",
    higher_means="mislabeled",
    source="HMW (AAAI-24), Eq. 6, averaged over epochs as AUM is",
)
