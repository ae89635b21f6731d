"""Two networks or two sets of samples that teach each other: soft, guessed or mixed labels."""

from hmw_core.catalogue import Case, Recipe
from training.recipes.shared import ASYMMETRIC

# Source: Liu et al. (NeurIPS 2020), ELR+, the settings of the released code at 934af53. Its ramps
# are 40000 steps: 102.3 epochs of CIFAR, 19.4 of mini-WebVision in batches of 32.
ELR_PLUS_CIFAR10 = {"epochs": 200, "schedule_at": (0.75,)}
ELR_PLUS_CIFAR100 = {
    "schedule_at": (0.8,),
    "method_args": {
        "beta": 0.9,
        "lambda": 7.0,
        "ramp_epochs": 102.3,
        "ema_ramp_epochs": 102.3,
        "targets": "remembered",
    },
}
ELR_PLUS_WEBVISION = {
    "network": "timm:inception_resnet_v2",
    "image_size": 227,
    "epochs": 100,
    "batch_size": 32,
    "learning_rate": 0.02,
    "weight_decay": 5e-4,
    "schedule": "step",
    "schedule_at": (0.5,),
    "augment": "crop_flip",
    "method_args": {"mixup_alpha": 1.5, "ema_ramp_epochs": 19.4},
}

# Source: Bang et al. (CVPR 2022), PuriDivER, the settings of the released code, which trains on a
# memory of 500 (CIFAR-10) to 2000 pictures, and so in steps of 16; there is nothing published of
# its training on all. The learning rate is a cosine that begins anew after 1, 3, 7, ... 127 epochs,
# which the settings cannot say: here it falls once.
PURIDIVER_TRAINING = {
    "batch_size": 16,
    "learning_rate": 0.05,
    "nesterov": True,
    "weight_decay": 1e-4,
    "schedule": "cosine",
}

# Source: Garg et al. (WACV 2023), InstanceGM, the settings of the released code: batches of 64 are
# half of ours, as in DivideMix. Its ANIMAL-10N trains on pictures that are not normalised, which
# the settings cannot say; only the likelihood needs that, and its pictures here are in [0, 1].
INSTANCE_GM_ANIMAL10N = {
    "network": "timm:vgg19_bn",
    "image_size": 64,
    "epochs": 300,
    "batch_size": 128,
    "learning_rate": 0.002,
    "weight_decay": 5e-4,
    "schedule": "step",
    "schedule_at": (0.5,),
    "augment": "crop_flip",
    "method_args": {
        "p_threshold": 0.08,
        "latent": 64,
        "label_weight": 8e-5,
        "divergence_weight": 8e-5,
    },
}

ROWS: dict[str, Recipe] = {
    "ELR+": Recipe(
        "Two networks on mixed pictures, each held to what the other's slow copy said early",
        {"method": "elr_plus"},
        (
            Case(ELR_PLUS_CIFAR10, ("cifar10",)),
            Case({"method_args": {"beta": 0.9, "lambda": 1.0}}, ("cifar10",), ASYMMETRIC),
            Case(ELR_PLUS_CIFAR100, ("cifar100",)),
            Case(ELR_PLUS_WEBVISION, ("webvision",)),
        ),
    ),
    "PuriDivER": Recipe(
        "Samples are correct, relabelled or unlabelled, each part with a loss (offline form)",
        {"method": "puridiver"},
        (
            Case({**PURIDIVER_TRAINING, "network": "resnet18_cifar", "epochs": 255}, ("cifar10",)),
            Case(
                {
                    **PURIDIVER_TRAINING,
                    "network": "resnet32_cifar",
                    "epochs": 255,
                    "method_args": {"warmup_epochs": 30},
                },
                ("cifar100",),
            ),
            Case(
                {
                    **PURIDIVER_TRAINING,
                    "network": "timm:resnet34",
                    "epochs": 127,
                    "method_args": {"warmup_epochs": 10},
                },
                ("webvision",),
            ),
        ),
    ),
    "InstanceGM": Recipe(
        "DivideMix, with an autoencoder a network that explains pictures and given labels",
        {"method": "instance_gm"},
        (
            Case({"epochs": 300, "schedule_at": (0.5,)}, ("cifar10", "cifar100")),
            Case({"method_args": {"warmup_epochs": 30}}, ("cifar100",)),
            Case(INSTANCE_GM_ANIMAL10N, ("animal10n",)),
        ),
    ),
}
