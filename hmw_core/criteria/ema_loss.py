"""Loss smoothed over the epochs: recent ones count most.

Source: methods of self-ensembling, which smooth what a network says of a sample; decay 0.9.
"""

from hmw_core.criteria.criterion import Criterion

EMA_LOSS = Criterion(
    title="Smoothed loss",
    reads=("loss",),
    slice=lambda signals: signals["loss"],
    over="ema",
    unit="nat",
    family="loss",
    higher_means="mislabeled",
    source="exponentially weighted mean of the loss over epochs, decay 0.9, start corrected",
)
