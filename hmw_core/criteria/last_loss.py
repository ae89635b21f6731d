"""Loss at the last epoch: the small-loss trick.

Source: the small-loss trick, as HMW (AAAI-24), Fig. 1a, draws it.
"""

from hmw_core.criteria.criterion import Criterion

LAST_LOSS = Criterion(
    title="Last loss",
    reads=("loss",),
    slice=lambda signals: signals["loss"],
    over="last",
    unit="nat",
    family="loss",
    higher_means="mislabeled",
    source="the small-loss trick, as HMW (AAAI-24), Fig. 1a, draws it",
)
