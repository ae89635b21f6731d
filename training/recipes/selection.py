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

# Source: Chen et al. (ICML 2019), INCV, and its released code: four selections of 50 epochs with a
# schedule of their own, see the method, and 200 to train. There the rate is halved once more after
# 180 epochs, and shifts of 4 pixels with flips are the crops here.
INCV_CIFAR = {
    "network": "resnet32_cifar",
    "epochs": 400,
    "optimizer": "adam",
    "learning_rate": 0.001,
    "weight_decay": 0.0,
    "schedule_at": (0.4, 0.6, 0.8),
}

# Source: Chen et al. (CVPRW 2021), Nested + Co-teaching, and its released code: 350 + 100 epochs
# on CIFAR, 100 + 30 on ANIMAL-10N. The second stage has a learning rate of its own, see the
# method. There VGG-19's two hidden layers are both nested, here the last one is.
CED_CIFAR = {
    "network": "resnet18_cifar",
    "epochs": 450,
    "batch_size": 320,
    "learning_rate": 0.1,
    "schedule_at": (200 / 350, 300 / 350),
}
CED_ANIMAL = {
    "network": "timm:vgg19_bn",
    "epochs": 130,
    "batch_size": 128,
    "learning_rate": 0.1,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "schedule": "step",
    "schedule_at": (0.5, 0.75),
    "schedule_factor": 0.2,
    "augment": "none",
    "method_args": {
        "nested_epochs": 100,
        "warmup_epochs": 15.4,  # 6,000 batches of 50,000 pictures
        "cut_scale": 100.0,
        "second_rate": 0.04,
        "second_drop_at": 5 / 30,
    },
}

# Source: Jenni and Favaro (ECCV 2018), Deep Bilevel Learning, and its released code. There an
# Inception-style network on crops of 29 x 29, here the network and crops of the paper's rows.
BILEVEL_CIFAR = {
    "epochs": 100,
    "batch_size": 64,
    "learning_rate": 0.1,
    "schedule": "exponential",
    "schedule_factor": 0.95**100,  # 0.95 an epoch
}

ROWS: dict[str, Recipe] = {
    "AUM": Recipe(
        "Two trainings with threshold samples flag labels, a third does without",
        {"method": "aum"},
        (Case(AUM_CIFAR, CIFAR),),
    ),
    "Iterative-CV": Recipe(
        "Four cross-validations select samples, then two networks train on them",
        {"method": "iterative_cv"},
        (Case(INCV_CIFAR, CIFAR),),
    ),
    "CED": Recipe(
        "Nested dropout orders the features, then two networks select for each other",
        {"method": "ced"},
        (
            Case(CED_CIFAR, CIFAR),
            Case({"method_args": {"cut_scale": 10.0}}, ("cifar10",)),
            Case({"method_args": {"cut_scale": 100.0}}, ("cifar100",)),
            Case(CED_ANIMAL, ("animal10n",)),
        ),
    ),
    "Bilevel": Recipe(
        "Splits of a batch count as far as their gradients agree with a validating one",
        {"method": "bilevel"},
        (Case(BILEVEL_CIFAR, CIFAR),),
    ),
}
"""Of each the published settings, as far as `RunConfig` can say them."""
