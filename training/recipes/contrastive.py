"""Contrast beside the classification, and neighbours that check the labels: MOIT and Sel-CL."""

from hmw_core.catalogue import Case, Fields, Recipe
from training.recipes.shared import CIFAR

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
}
