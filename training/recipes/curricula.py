"""Curricula and the small-loss family."""

from hmw_core.catalogue import Case, Recipe
from training.recipes.shared import CIFAR, CO_TRAINING, SYMMETRIC

LATER = Case({"schedule_at": (0.5,)}, ("cifar100",))

# Source: Jiang et al. (ICML 2018) and the released code: 39,000 steps of 128 samples are about 100
# epochs, and the rate falls after 19,531, 25,000 and 30,000 of them.
MENTOR_NET_CIFAR = {
    "network": "resnet56_cifar",
    "epochs": 100,
    "batch_size": 128,
    "learning_rate": 0.1,
    "weight_decay": 2e-4,
    "schedule": "step",
    "schedule_at": (0.5008, 0.641, 0.7692),
}

# Source: Ma et al. (ICML 2018), D2L, the settings of the released code. It shifts the pictures by
# up to a fifth and flips them, on CIFAR-100 it turns them, too; ours are cropped and flipped. Its
# weight decay was not noted: ours is the one that all rows of the tables share.
D2L_CIFAR10 = {
    "network": "d2l_cnn",
    "epochs": 120,
    "learning_rate": 0.1,
    "schedule": "step",
    "schedule_at": (40 / 120, 80 / 120),
    "schedule_factor": 0.1,
}
D2L_CIFAR100 = {
    **D2L_CIFAR10,
    "network": "resnet44_cifar",
    "epochs": 200,
    "schedule_at": (80 / 200, 120 / 200, 160 / 200),
    "method_args": {"initial_epochs": 60},
}

ROWS: dict[str, Recipe] = {
    "Co-teaching+": Recipe(
        "Co-teaching among the samples on which the two networks disagree",
        {"method": "co_teaching_plus"},
        (
            Case(CO_TRAINING | {"network": "lenet_cifar"}, CIFAR),
            Case({"network": "jocor_cnn", "method_args": {"disagreement_from": 5}}, ("cifar100",)),
            LATER,
        ),
    ),
    "JoCoR": Recipe(
        "Two networks that agree, trained on the samples of small joint loss",
        {"method": "jocor"},
        (
            Case(CO_TRAINING | {"network": "jocor_cnn"}, CIFAR),
            LATER,
            *(
                Case({"method_args": {"agreement": agreement}}, ("cifar10",), SYMMETRIC, rate)
                for rate, agreement in ((0.2, 0.9), (0.5, 0.9), (0.8, 0.65))
            ),
            Case({"method_args": {"agreement": 0.85}}, ("cifar100",)),
        ),
    ),
    "MentorNet": Recipe(
        "A curriculum of losses below a running reference; learned, if a trusted subset is named",
        {"method": "mentor_net"},
        (
            Case(MENTOR_NET_CIFAR, CIFAR),
            *(
                Case({"method_args": {"percentile": percentile}}, CIFAR, SYMMETRIC, rate)
                for rate, percentile in ((0.2, 75.0), (0.4, 75.0), (0.8, 50.0))
            ),
        ),
    ),
    "D2L": Recipe(
        "Given labels are trusted less once the features begin to fill more dimensions",
        {"method": "d2l"},
        (Case(D2L_CIFAR10, ("cifar10",)), Case(D2L_CIFAR100, ("cifar100",))),
    ),
}
