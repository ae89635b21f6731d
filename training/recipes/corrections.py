"""Corrections of the loss: by a transition matrix, by truncation, by an adaptation layer.

Epochs are totals: those of `Forward` and `Backward` are twice the published ones, for the training
that estimates the matrix and the one that it corrects. With a given matrix (`--method-args
transition true`, or a file) there is one training, so half of these `--epochs` are as published.

Not expressed by the settings: shifts of 10 % of the side (ours: crops of 4 padded pixels), and the
subtraction of a mean picture (ours: of each channel's mean). The published network for CIFAR-10 is
a ResNet of depth 6n + 2 with n left to the user; ours takes n = 5, depth 32.
"""

from hmw_core.catalogue import Case, Recipe

CIFAR10, CIFAR100 = ("cifar10",), ("cifar100",)
STEPS = {
    "batch_size": 128,
    "optimizer": "sgd",
    "momentum": 0.9,
    "schedule": "step",
    "schedule_factor": 0.1,
    "augment": "crop_flip",
}
STEPS_120 = {**STEPS, "schedule_at": (40 / 120, 80 / 120)}
STEPS_150 = {**STEPS, "schedule_at": (80 / 150, 120 / 150)}

# Source: Patrini et al. (CVPR 2017), the released code of loss-correction.
CORRECTION = (
    Case(
        {
            **STEPS_120,
            "network": "resnet32_cifar",
            "epochs": 2 * 120,
            "learning_rate": 0.1,
            "weight_decay": 1e-4,
            "method_args": {"percentile": 97.0},
        },
        CIFAR10,
    ),
    Case(
        {
            **STEPS_150,
            "network": "resnet44_cifar",
            "epochs": 2 * 150,
            "learning_rate": 0.1,
            "weight_decay": 1e-3,
        },
        CIFAR100,
    ),
)

# Source: Zhang and Sabuncu (NeurIPS 2018), by a port of it.
TRUNCATED = {"network": "resnet34_cifar", "learning_rate": 0.01, "weight_decay": 1e-4}
TRUNCATION = (
    Case({**STEPS_120, **TRUNCATED, "epochs": 120}, CIFAR10),
    Case(
        {
            **STEPS_150,
            **TRUNCATED,
            "epochs": 150,
            "method_args": {"warmup_epochs": 80.0, "refresh_epochs": 10.0},
        },
        CIFAR100,
    ),
)

ROWS: dict[str, Recipe] = {
    "Forward": Recipe(
        "Cross entropy behind the transition matrix of the noise",
        {"method": "forward"},
        CORRECTION,
    ),
    "Backward": Recipe(
        "Cross entropies of all classes, mixed by the inverse transition matrix",
        {"method": "backward"},
        CORRECTION,
    ),
    "GCE truncated": Recipe(
        "Generalized cross entropy without the labels that the best model does not believe",
        {"method": "gce_truncated"},
        TRUNCATION,
    ),
    # Its source trains on pictures of the web only: no settings for CIFAR are published, so the
    # training there is the one that the tables share.
    "Webly": Recipe(
        "Fine-tuning behind a fixed noise layer made from confusions", {"method": "webly"}
    ),
}
