"""Targets of the method's own: label tables, memories, relabelling, refurbishing.

Where a source holds out a part of the training set to pick its best epoch, ours trains on all.
"""

from hmw_core.catalogue import Case, Recipe
from training.recipes.shared import ASYMMETRIC, CIFAR

# Source: Yi and Wu (CVPR 2019), PENCIL, the settings of the released code at 8a89ed5, which trains
# CIFAR-10 only: on CIFAR-100 these are the same, and nothing published. The learning rate is 0.06,
# then 0.2, 0.02 and 0.002 in the thirds of the last stage.
PENCIL_CIFAR = {
    "network": "preact_resnet32",
    "epochs": 320,
    "learning_rate": 0.06,
    "weight_decay": 1e-4,
    "schedule": "step",
    "schedule_at": (1 / 3, 2 / 3),
    "schedule_factor": 0.1,
}

# Source: Liu et al. (NeurIPS 2020), ELR, the settings of the released code at 934af53.
ELR_CIFAR = {"network": "resnet34_cifar", "learning_rate": 0.02, "weight_decay": 1e-3}
ELR_RESTARTS = {
    "epochs": 150,
    "schedule": "restarts",
    "schedule_at": (10 / 150,),
    "schedule_factor": 0.05,  # from 0.02 to 0.001
}
ELR_STEPS_CIFAR10 = {
    "epochs": 120,
    "schedule": "step",
    "schedule_at": (1 / 3, 2 / 3),
    "schedule_factor": 0.01,
    "method_args": {"beta": 0.9, "lambda": 1.0},
}
ELR_STEPS_CIFAR100 = {
    "epochs": 150,
    "schedule": "step",
    "schedule_at": (80 / 150, 120 / 150),
    "schedule_factor": 0.01,
    "method_args": {"beta": 0.9, "lambda": 7.0},
}

# Source: Zhang et al. (ICLR 2021), PLC, the settings of the released code at 8c2bcfd. Its warm-up
# of 15 epochs is that of CIFAR-100 under a mixture of noises that we do not make. On ANIMAL-10N it
# only flips the pictures, which `augment` cannot say: ours are cropped, too.
PLC_CIFAR = {
    "network": "preact_resnet34",
    "epochs": 180,
    "learning_rate": 0.01,
    "nesterov": True,
    "weight_decay": 5e-4,
    "schedule": "step",
    "schedule_at": (40 / 180, 80 / 180),
    "schedule_factor": 0.5,
}
PLC_ANIMAL10N = {
    "network": "timm:vgg19_bn",
    "epochs": 100,
    "batch_size": 128,
    "learning_rate": 0.1,
    "schedule": "step",
    "schedule_at": (0.5, 0.75),
    "schedule_factor": 0.2,
    "momentum": 0.0,
    "weight_decay": 1e-3,
    "augment": "crop_flip",
    "method_args": {"warmup_epochs": 40, "window": 10},
}

# Source: Song et al. (ICML 2019), SELFIE, the settings of the released code at b99f8cf: of its
# README two restarts, so 3 trainings of 100 epochs, and the schedule within each. The weight decay
# is not known to us: it is the one of all rows. ANIMAL-10N is taken to be wrong to 8 %.
SELFIE_TRAINING = {
    "epochs": 300,
    "batch_size": 128,
    "learning_rate": 0.1,
    "schedule": "step",
    "schedule_at": (0.5, 0.75),
    "schedule_factor": 0.2,
    "augment": "none",
}
SELFIE_CIFAR = {**SELFIE_TRAINING, "network": "densenet25_cifar"}
SELFIE_ANIMAL10N = {
    **SELFIE_TRAINING,
    "network": "timm:vgg19_bn",
    "method_args": {"noise_rate": 0.08},
}

ROWS: dict[str, Recipe] = {
    "P-correction": Recipe(
        "Labels are learned beside the network, then the network is trained on them (PENCIL)",
        {"method": "pencil"},
        (Case(PENCIL_CIFAR, CIFAR),),
    ),
    "ELR": Recipe(
        "Cross entropy, and a pull towards what the network said early of each sample",
        {"method": "elr"},
        (
            Case(ELR_CIFAR, CIFAR),
            Case(ELR_RESTARTS, ("cifar10",)),
            Case(ELR_STEPS_CIFAR10, ("cifar10",), ASYMMETRIC),
            Case(ELR_STEPS_CIFAR100, ("cifar100",)),
        ),
    ),
    "PLC": Recipe(
        "Labels that the network has doubted for several epochs are corrected, the surest first",
        {"method": "plc"},
        (Case(PLC_CIFAR, CIFAR), Case(PLC_ANIMAL10N, ("animal10n",))),
    ),
    "SELFIE": Recipe(
        "Samples of steady predictions are given those as labels, those of large loss are dropped",
        {"method": "selfie"},
        (Case(SELFIE_CIFAR, CIFAR), Case(SELFIE_ANIMAL10N, ("animal10n",))),
    ),
}
