"""Contrast beside the classification, and neighbours that check the labels: MOIT and Sel-CL."""

from hmw_core.catalogue import Case, Fields, Recipe
from training.recipes.shared import ASYMMETRIC, CIFAR

# Source: Ortego et al. (CVPR 2021), MOIT, the settings of the released code at f36c3e7. Its views
# are not shifted before the crop. Of WebVision only ResNet-18 is known; all else is as on CIFAR.
MOIT_TRAINING: Fields = {
    "network": "preact_resnet18",
    "epochs": 250,
    "learning_rate": 0.1,
    "weight_decay": 1e-4,
    "schedule": "step",
    "schedule_at": (0.5, 0.8),
}
WEBVISION: Fields = {"network": "timm:resnet18", "augment": "crop_flip"}
# The fine-tuning of 70 epochs is part of the run; at 90 % noise it was longer there, with a step.
TUNED: Fields = {"epochs": 320}
WEBVISION_CASE = ("webvision",)

# Source: Li et al. (CVPR 2022), Sel-CL, and its released code. Its first five epochs rise from a
# hundredth of the learning rate, which the schedule cannot say, and its WebVision rate is not known
# to us: it is the one of CIFAR. WebVision's warm-up is the one without labels; the other one, of 40
# epochs with all given labels, is not here.
SEL_CL_TRAINING = MOIT_TRAINING
SEL_CL_CIFAR100: Fields = {"method_args": {"alpha": 0.75, "beta": 0.35, "memory_per_class": 100}}
SEL_CL_CIFAR100_ASYMMETRIC: Fields = {"method_args": {"alpha": 0.25, "beta": 0.0}}
SEL_CL_WEBVISION: Fields = {
    **WEBVISION,
    "epochs": 130,
    "batch_size": 64,
    "method_args": {
        "alpha": 0.4,
        "beta": 0.0,
        "memory_per_class": 100,
        "warmup_epochs": 5,
        "memory_epoch": 4,
    },
}
SEL_CL_WEBVISION_TUNED: Fields = {
    "epochs": 180,
    "method_args": {"train_epochs": 130, "bootstrap_epoch": 20},
}
SEL_CL_CASES = (
    Case(SEL_CL_TRAINING, (*CIFAR, *WEBVISION_CASE)),
    Case(SEL_CL_CIFAR100, ("cifar100",)),
    Case(SEL_CL_CIFAR100_ASYMMETRIC, ("cifar100",), ASYMMETRIC),
    Case(SEL_CL_WEBVISION, WEBVISION_CASE),
)

ROWS: dict[str, Recipe] = {
    "MOIT": Recipe(
        "Mixed pictures are contrasted and classified; neighbours tell which labels are wrong",
        {"method": "moit"},
        (
            Case(MOIT_TRAINING, (*CIFAR, *WEBVISION_CASE)),
            Case(WEBVISION, WEBVISION_CASE),
        ),
    ),
    "MOIT+": Recipe(
        "MOIT, then a new classifier is fine-tuned on the samples found clean",
        {"method": "moit_plus"},
        (
            Case(MOIT_TRAINING | TUNED, (*CIFAR, *WEBVISION_CASE)),
            Case(WEBVISION, WEBVISION_CASE),
        ),
    ),
    "Sel-CL": Recipe(
        "Pairs of samples whose common label can be believed are contrasted; the others alone",
        {"method": "sel_cl"},
        SEL_CL_CASES,
    ),
    "Sel-CL+": Recipe(
        "Sel-CL, then a new classifier is fine-tuned on the confident samples",
        {"method": "sel_cl_plus"},
        (
            *SEL_CL_CASES,
            Case(TUNED, CIFAR),
            Case(SEL_CL_WEBVISION_TUNED, WEBVISION_CASE),
        ),
    ),
}
