"""AUM under the cosine annealing: the paper's Table 4, AUM + CA, on logits.

Source: Pleiss et al. (NeurIPS 2020), Eq. 1; HMW (AAAI-24), Eqs. 7-9.
"""

from hmw_core.criteria.criterion import Criterion

AUM_ANNEALED = Criterion(
    title="AUM, annealed",
    reads=("given_logit", "other_logit"),
    slice=lambda signals: signals["given_logit"] - signals["other_logit"],
    over="annealed",
    unit="logit",
    family="margin",
    higher_means="clean",
    source="HMW (AAAI-24), Eq. 5 under Eqs. 7-9",
)
