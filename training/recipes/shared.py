"""Names of data sets and noises that recipes tell apart, and what the paper's CIFAR rows share."""

ASYMMETRIC = ("asymmetric", "superclass_shift", "block_shift", "pair_flip")
"""Noises with one preferred wrong class: where the authors' code adds the confidence penalty."""
SYMMETRIC = ("symmetric", "symmetric_exclusive")

CIFAR = ("cifar10", "cifar100")

CO_TRAINING = {
    "epochs": 200,
    "optimizer": "adam",
    "learning_rate": 0.001,
    "weight_decay": 0.0,
    "schedule": "linear",
    "schedule_at": (0.4,),
    "augment": "none",
}
"""Of Co-teaching and its relatives on CIFAR-10; on CIFAR-100 the rate begins to fall later.

Source: Han et al. (NeurIPS 2018), Yu et al. (ICML 2019), Wei et al. (CVPR 2020), and their code.
"""

PAPER_TRAINING = {
    "network": "preact_resnet18",
    "epochs": 250,
    "batch_size": 128,
    "learning_rate": 0.02,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "schedule": "step",
    "augment": "crop_flip",
}
"""What the tables' CIFAR rows share. Source: README of the released code."""
