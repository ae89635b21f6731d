"""HM weight gamma at the last epoch, whether or not the training used it.

Source: HMW (AAAI-24), Eqs. 7-13: gamma, which already sums the epochs up to the last.
"""

from hmw_core.criteria.criterion import Criterion

HM_WEIGHT = Criterion(
    title="HM weight",
    reads=("hm_weight",),
    slice=lambda signals: signals["hm_weight"],
    over="last",
    unit="1",
    family="hyperspherical",
    higher_means="clean",
    source="HMW (AAAI-24), Eqs. 7-13: gamma, which already sums the epochs up to the last",
)
