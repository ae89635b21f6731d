"""The paper's Tables 1 to 3 as named sweeps: which rows, under which noise, on which data.

Where the authors' code departs from the paper's text, the rows with HMW are trained in both
readings: `X+HMW` follows the text, `X+HMW-code` the code. UNICON+HMW has one. Tables 2 and 3 call
CCE+HMW what is trained with CutMix; CCE+CutMix beside it is the baseline that differs in the
weights only.

Source: HMW (AAAI-24), Tables 1 to 3, and the sections on CIFAR and on real-world data sets.
"""

from collections.abc import Mapping
from typing import Any

from hmw_core.experiments.paper import COLUMNS, CUTMIX_ROW
from training.recipes import recipe_fields
from training.sweeps.grid import Fields
from training.sweeps.named_sweep import STAND_IN, STANDS_FOR_ASYMMETRIC, NamedSweep, noise_on

TABLE_1_ROWS = (
    *("CCE", "Forward", "SCE", "P-correction", "DivideMix", "ELR", "MOIT+", "UNICON"),
    *("CCE+HMW", "CCE+HMW-code", "SCE+HMW", "SCE+HMW-code", "UNICON+HMW"),
)
NORMALISED = "CCE-code"
"""Not a row of the paper's: the authors' code without weights, what CCE+HMW-code is to be held
against where the weights alone are asked for."""
TABLE_2_ROWS = ("CCE", "CED", "SELFIE", "PLC", "InstanceGM", "CCE+CutMix", CUTMIX_ROW)
TABLE_3_ROWS = (
    *("CCE", "Forward", "D2L", "MentorNet", "Co-teaching", "Iterative-CV", "ELR+", "ProtoMix"),
    CUTMIX_ROW,
)
SHARED = (
    *("network", "epochs", "batch_size", "optimizer", "learning_rate", "momentum"),
    *("weight_decay", "schedule", "schedule_at", "schedule_factor", "image_size"),
)
"""What a row takes from CCE+HMW+CutMix where nothing is published of it on a data set."""
WEB_RATE = 0.2
"""Estimated share of wrong labels of WebVision, which Co-teaching must be told. Source: HMW."""
STANDS_IN_FOR = {"animal10n": ("pair_flip", 0.08), "webvision": ("symmetric", WEB_RATE)}
"""Noise of the estimated rate in a copy on other data. ANIMAL-10N's animals are mistaken in pairs;
what WebVision's labels are mistaken for is not known."""

READINGS = (
    "CCE+HMW and SCE+HMW follow the paper's text, which knows no warm-up: their first weights come "
    "from an untrained network and may keep all but a few classes from being learned. The rows "
    "-code follow the authors' code, with a warm-up, and divide the logits by their length; "
    f"`--rows {NORMALISED}` trains that without weights. The paper has one row for both."
)
HALVES = "Table 1 has two halves, CIFAR-10 and CIFAR-100: --dataset trains one of them."
BLOCKS = (
    "On CIFAR-100 the paper's asymmetric noise is block_shift: each class to the next of its block "
    "of five ids."
)
FAIR = (
    "The paper's CCE+HMW is CCE+HMW+CutMix here. CCE+CutMix is no row of the paper's: it is the "
    "baseline with the same augmentation and schedule, the CCE row has neither."
)
ALL_CUTMIX = (
    "The paper's CCE+HMW is CCE+HMW+CutMix here: augmentation and schedule are its own, so what it "
    "leads by is not the weights' alone."
)
BORROWED = (
    "Rows of which no settings on this data set are published are trained with network, epochs and "
    "schedule of CCE+HMW+CutMix."
)
OWN_NOISE = (
    "The paper's data set has labels that are wrong by themselves: here {noise} of the rate {rate} "
    "replaces them, its estimated share of wrong labels."
)


def table_1_cells(given: Mapping[str, Any]) -> list[Fields]:
    """Return the rows of Table 1 under its seven noises."""
    dataset = given.get("dataset", "cifar10")
    return [
        {"recipe": recipe, "noise": noise_on(dataset, kind), "noise_rate": rate}
        for kind, rate in COLUMNS
        for recipe in _rows(given, (*TABLE_1_ROWS, NORMALISED))
    ]


def table_1_notes(given: Mapping[str, Any]) -> list[str]:
    """Return what must be said beside Table 1 on a data set."""
    dataset = given.get("dataset", "cifar10")
    if dataset not in STANDS_FOR_ASYMMETRIC:
        return [READINGS, STAND_IN]
    return [READINGS, HALVES, *([BLOCKS] if dataset == "cifar100" else [])]


def table_2_cells(given: Mapping[str, Any]) -> list[Fields]:
    """Return the rows of Table 2, and the fair baseline of its last."""
    return _on_real_data(given, "animal10n", TABLE_2_ROWS)


def table_2_notes(given: Mapping[str, Any]) -> list[str]:
    """Return what must be said beside Table 2 on a data set."""
    return [FAIR, *_about_data(given, "animal10n")]


def table_3_cells(given: Mapping[str, Any]) -> list[Fields]:
    """Return the rows of Table 3: each training is tested on both of its test sets."""
    return _on_real_data(given, "webvision", TABLE_3_ROWS)


def table_3_notes(given: Mapping[str, Any]) -> list[str]:
    """Return what must be said beside Table 3 on a data set."""
    return [ALL_CUTMIX, *_about_data(given, "webvision")]


def _on_real_data(given: Mapping[str, Any], own: str, rows: tuple[str, ...]) -> list[Fields]:
    dataset = given.get("dataset", own)
    if dataset != own:
        noise, rate = STANDS_IN_FOR[own]
        return [{"recipe": r, "noise": noise, "noise_rate": rate} for r in _rows(given, rows)]
    cells = []
    for recipe in _rows(given, rows):
        told = recipe == "Co-teaching" and "method_args" not in given
        told_rate = {"method_args.noise_rate": WEB_RATE} if told else {}
        borrowed = {k: v for k, v in _borrowed(recipe, own).items() if k not in given}
        cells.append({"recipe": recipe, **borrowed, **told_rate})
    return cells


def _borrowed(recipe: str, dataset: str) -> Fields:
    """Return the training of CCE+HMW+CutMix for a row without a published one."""
    if "network" in recipe_fields(recipe, dataset, "none"):
        return {}
    fields = recipe_fields(CUTMIX_ROW, dataset, "none")
    return {name: fields[name] for name in SHARED if name in fields}


def _about_data(given: Mapping[str, Any], own: str) -> list[str]:
    if given.get("dataset", own) == own:
        return [BORROWED]
    noise, rate = STANDS_IN_FOR[own]
    return [OWN_NOISE.format(noise=noise, rate=rate)]


def _rows(given: Mapping[str, Any], rows: tuple[str, ...]) -> tuple[str, ...]:
    return (given["recipe"],) if "recipe" in given else rows


TABLES = {
    "table-1": NamedSweep(
        "Table 1: methods under symmetric and asymmetric noise",
        table_1_cells,
        table_1_notes,
        ("recipe", "noise", "noise_rate"),
        {"dataset": "cifar10"},
        (*TABLE_1_ROWS, NORMALISED),
        on_request=(NORMALISED,),
        published_on=("cifar10", "cifar100"),
    ),
    "table-2": NamedSweep(
        "Table 2: methods on ANIMAL-10N",
        table_2_cells,
        table_2_notes,
        ("recipe", "noise", "noise_rate"),
        {"dataset": "animal10n"},
        TABLE_2_ROWS,
        published_on=("animal10n",),
    ),
    "table-3": NamedSweep(
        "Table 3: methods on 50 classes of WebVision",
        table_3_cells,
        table_3_notes,
        ("recipe", "noise", "noise_rate"),
        {"dataset": "webvision"},
        TABLE_3_ROWS,
        published_on=("webvision",),
    ),
}
"""The tables by the names that `python -m training sweep` knows."""
