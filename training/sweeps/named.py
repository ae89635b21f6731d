"""NAMED_SWEEPS: the paper's tables and ablations, and all methods side by side, as cells.

Where a data set has no asymmetric noise of the paper's, `pair_flip` of the same rate replaces
it: each class has one wrong class, as on CIFAR-10, and a label of a class that has one moves with
the same probability. On CIFAR-10 only five of ten classes have one, so about half as many labels
are wrong there.

Source: HMW (AAAI-24), Table 4 and Fig. 7 with the section "Ablation Studies".
"""

from collections.abc import Mapping
from typing import Any

from hmw_core.experiments.paper import TABLE_4_COLUMNS
from training.sweeps.grid import Fields
from training.sweeps.named_sweep import STAND_IN, NamedSweep, noise_on
from training.sweeps.tables import BLOCKS, TABLES

SCALES = (0.0, 0.1, 0.5, 1.0, 10.0, 50.0, 100.0, 500.0, 1000.0, 5000.0)
"""Values of alpha and of beta in Fig. 7; the other one is `FIXED`."""
FIXED = 50.0
FIGURE_7_NOISE = (("symmetric", 0.5), ("symmetric", 0.8))
"""The text names 0.8 only; the other rate is in the figure only."""
TEXT_ROWS = ("AUM only", "AUM+CA", "CCE+HMW")
CODE_ROWS = ("CCE-code", "AUM only-code", "AUM+CA-code", "CCE+HMW-code")
TEXT, CODE = "CCE+HMW", "CCE+HMW-code"
METHODS_NOISE = (("symmetric", 0.2), ("symmetric", 0.5), ("symmetric", 0.8), ("pair_flip", 0.3))
WORSE_LABEL_RATE = 0.402  # of CIFAR-10N's worse_label; Wei et al. (ICLR 2022)

NO_WARMUP = (
    "CCE+HMW, AUM only and AUM+CA follow the paper's text, which knows no warm-up: their first "
    "weights come from an untrained network and may keep all but a few classes from being learned. "
    "On digits under 50 % symmetric noise CCE+HMW stayed at chance. The -code recipes follow the "
    "authors' code, with a warm-up of 10 epochs (30 on CIFAR-100)."
)
MIXED = (
    "The -code recipes also divide the logits by their length; CCE-code does so without any "
    "weight, so the difference to it, and not to CCE, is what the weights are worth."
)
PICTURE = (
    "The paper's Fig. 7 is on CIFAR-100 with symmetric noise and prints no numbers; its text names "
    "the rate 0.8 only. alpha = beta = 0 is its baseline: every weight is 0.75."
)


COSTS = {
    **dict.fromkeys(
        (
            *("CCE", "SCE", "GCE", "CCE+HMW-code", "SCE+HMW-code", "Forward", "Backward", "Webly"),
            *("GCE truncated", "P-correction", "ELR", "PLC", "MentorNet", "D2L", "AUM"),
        ),
        1.0,
    ),
    **dict.fromkeys(("SELFIE", "CCE+CutMix"), 1.33),
    "Bilevel": 1.5,
    **dict.fromkeys(("Co-teaching", "Co-teaching+", "JoCoR", "CED", "Iterative-CV"), 2.0),
    "ELR+": 3.33,
    "MOIT": 3.0,
    "MOIT+": 2.6,
    "ProtoMix": 4.3,
    "PuriDivER": 1.8,
    "Sel-CL": 6.7,
    "Sel-CL+": 5.5,
    "DivideMix": 9.0,
    "InstanceGM": 11.0,
    **dict.fromkeys(("UNICON", "UNICON+HMW"), 9.3),
}
"""Recipes side by side, each with the cost predicted of an epoch: passes of forward and backward
over the training set, where one alone is a third. Of DivideMix with about 70 % labelled, of UNICON
with half."""
MOST_EXPENSIVE = 3.0  # of the methods that are trained on CIFAR-10N

SCALED = (
    "Each method has its own knobs as its source published them, epochs of warm-ups and stages "
    "scaled to the run's; network, schedule and batch size are the same for all. A method that "
    "trains several times has the same number of epochs in all as the others. HMW, DivideMix, "
    "InstanceGM, UNICON and PuriDivER keep the ten epochs of warm-up of their sources, a larger "
    "share of a short run than theirs."
)
TOLD = (
    "Methods that must be told the share of wrong labels are told the true one "
    "(--method-args noise_rate), which the others are not."
)


def table_4_cells(base: Mapping[str, Any]) -> list[Fields]:
    """Return the rows of Table 4 and plain CCE, under its four noises.

    With a recipe in the base only that one's rows: the text's, or the code's.
    """
    rows = {
        None: ("CCE", *CODE_ROWS, *TEXT_ROWS),
        CODE: ("CCE", *CODE_ROWS),
        TEXT: ("CCE", *TEXT_ROWS),
    }[base.get("recipe")]
    dataset = base.get("dataset", "digits")
    noises = [(noise_on(dataset, kind), rate) for kind, rate in TABLE_4_COLUMNS]
    return [
        {"recipe": recipe, "noise": noise, "noise_rate": rate}
        for noise, rate in noises
        for recipe in rows
    ]


def figure_7_cells(base: Mapping[str, Any]) -> list[Fields]:
    """Return the alphas of Fig. 7 at beta = 50, the betas at alpha = 50, its baseline and CCE."""
    recipe = base.get("recipe", CODE)
    pairs = [(scale, FIXED) for scale in SCALES]
    pairs += [(FIXED, scale) for scale in SCALES if scale != FIXED]
    cells = []
    for noise, rate in FIGURE_7_NOISE:
        data = {"noise": noise, "noise_rate": rate}
        cells.append({"recipe": "CCE", **data})
        cells += [
            {"recipe": recipe, **data, "alpha": alpha, "beta": beta}
            for alpha, beta in [(0.0, 0.0), *pairs]
        ]
    return cells


def table_4_notes(base: Mapping[str, Any]) -> list[str]:
    """Return what must be said beside Table 4 on this data set."""
    stands_in = {"cifar10": [], "cifar100": [BLOCKS]}.get(base.get("dataset", "digits"), [STAND_IN])
    variant = base.get("recipe")
    return [
        *([MIXED] if variant != TEXT else []),
        *([NO_WARMUP] if variant != CODE else []),
        *stands_in,
    ]


def figure_7_notes(base: Mapping[str, Any]) -> list[str]:
    """Return what must be said beside Fig. 7 on this data set."""
    return [PICTURE, NO_WARMUP]


def methods_digits_cells(base: Mapping[str, Any]) -> list[Fields]:
    """Return every method under four noises; with a recipe in the base only that one."""
    return [
        {"recipe": recipe, "noise": noise, "noise_rate": rate}
        for noise, rate in METHODS_NOISE
        for recipe in ([base["recipe"]] if "recipe" in base else COSTS)
    ]


def methods_cifar10n_cells(base: Mapping[str, Any]) -> list[Fields]:
    """Return the methods of at most three times plain training's cost, on labels of people."""
    told = {recipe: _told(recipe) for recipe, cost in COSTS.items() if cost <= MOST_EXPENSIVE}
    return [
        {"recipe": recipe, **fields}
        for recipe, fields in told.items()
        if base.get("recipe", recipe) == recipe
    ]


def _told(recipe: str) -> Fields:
    """Return the rate that a method must be told of labels that no synthetic noise made."""
    told = ("Co-teaching", "Co-teaching+", "JoCoR", "SELFIE")
    return {"method_args.noise_rate": WORSE_LABEL_RATE} if recipe in told else {}


def methods_notes(base: Mapping[str, Any]) -> list[str]:
    """Return what must be said beside methods side by side."""
    return [SCALED, TOLD]


NAMED_SWEEPS = {
    **TABLES,
    "table-4": NamedSweep(
        "Table 4: AUM only, AUM + cosine annealing, HMW, beside plain CCE",
        table_4_cells,
        table_4_notes,
        ("recipe", "noise", "noise_rate"),
        recipes=(TEXT, CODE),
    ),
    "figure-7": NamedSweep(
        "Fig. 7: alpha and beta from 0 to 5000",
        figure_7_cells,
        figure_7_notes,
        ("recipe", "noise", "noise_rate", "alpha", "beta"),
        recipes=(TEXT, CODE),
    ),
    "methods-digits": NamedSweep(
        "All methods on digits",
        methods_digits_cells,
        methods_notes,
        ("dataset", "noise", "noise_rate"),
        {"dataset": "digits", "epochs": 40},
        tuple(COSTS),
    ),
    "methods-cifar10n": NamedSweep(
        "Methods of up to three times the cost, on the worst labels of CIFAR-10N",
        methods_cifar10n_cells,
        methods_notes,
        ("dataset", "noise", "noise_rate", "noise_column", "method_args"),
        {
            "dataset": "parquet",
            "noise": "human",
            "noise_column": "worse_label",
            "train_samples": 10_000,
            "test_fraction": 0.04,  # 2,000 of its 50,000 pictures, by their true label
            "epochs": 10,
        },
        tuple(recipe for recipe, cost in COSTS.items() if cost <= MOST_EXPENSIVE),
    ),
}
