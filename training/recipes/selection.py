"""Selection of clean samples in stages, and reweighting by gradients.

Epochs are the total over the stages; where a method has stages, the schedule is each one's.
"""

from hmw_core.catalogue import Case, Recipe
from training.recipes.shared import CIFAR

# Source: Pleiss et al. (NeurIPS 2020), AUM: 150 + 150 epochs to identify, 300 to train. The source
# holds 5,000 samples out, which the method does not.
AUM_CIFAR = {
    "network": "resnet32_cifar",
    "epochs": 600,
    "batch_size": 256,
    "learning_rate": 0.1,
    "weight_decay": 1e-4,
    "nesterov": True,
    "schedule_at": (0.5, 0.75),
    "method_args": {"identify_batch": 64},
}

ROWS: dict[str, Recipe] = {
    "AUM": Recipe(
        "Two trainings with threshold samples flag labels, a third does without",
        {"method": "aum"},
        (Case(AUM_CIFAR, CIFAR),),
    ),
}
"""Of each the published settings, as far as `RunConfig` can say them."""
