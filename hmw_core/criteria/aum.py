"""Area Under the Margin: the mean margin of the logits.

Source: Pleiss et al. (NeurIPS 2020), Eq. 1; the slice is HMW (AAAI-24), Eq. 5.
"""

from hmw_core.criteria.criterion import Criterion

AUM = Criterion(
    title="AUM",
    reads=("given_logit", "other_logit"),
    slice=lambda signals: signals["given_logit"] - signals["other_logit"],
    over="mean",
    unit="logit",
    family="margin",
    higher_means="clean",
    source="Pleiss et al. (NeurIPS 2020), Eq. 1; the slice is HMW (AAAI-24), Eq. 5",
)
