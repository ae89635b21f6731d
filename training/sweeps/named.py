"""NAMED_SWEEPS: the paper's ablations as cells of a sweep.

Where a data set has no asymmetric noise of the paper's, `pair_flip` of the same rate replaces
it: each class has one wrong class, as on CIFAR-10, and a label of a class that has one moves with
the same probability. On CIFAR-10 only five of ten classes have one, so about half as many labels
are wrong there.

Source: HMW (AAAI-24), Table 4 and Fig. 7 with the section "Ablation Studies".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hmw_core.errors import UsageError
from hmw_core.experiments.paper import TABLE_4_COLUMNS
from training.sweeps.grid import Fields

SCALES = (0.0, 0.1, 0.5, 1.0, 10.0, 50.0, 100.0, 500.0, 1000.0, 5000.0)
"""Values of alpha and of beta in Fig. 7; the other one is `FIXED`."""
FIXED = 50.0
FIGURE_7_NOISE = (("symmetric", 0.5), ("symmetric", 0.8))
"""The text names 0.8 only; the other rate is in the figure only."""
TEXT_ROWS = ("AUM only", "AUM+CA", "CCE+HMW")
CODE_ROWS = ("CCE-code", "AUM only-code", "AUM+CA-code", "CCE+HMW-code")
TEXT, CODE = "CCE+HMW", "CCE+HMW-code"
HERE = {"outputs": "none"}
"""What a named sweep's runs keep unless told otherwise: the signals of every sample, no logits."""

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
STAND_IN = (
    "This data set has no asymmetric noise of the paper's: pair_flip of the same rate replaces it. "
    "Every class has one wrong class, so a share of about the rate is mislabeled, where CIFAR-10's "
    "asymmetric noise mislabels about half the rate."
)
BLOCKS = (
    "On CIFAR-100 the paper's asymmetric noise is block_shift: each class to the next of its block "
    "of five ids."
)
PICTURE = (
    "The paper's Fig. 7 is on CIFAR-100 with symmetric noise and prints no numbers; its text names "
    "the rate 0.8 only. alpha = beta = 0 is its baseline: every weight is 0.75."
)


@dataclass(frozen=True)
class NamedSweep:
    """A sweep by name: which cells it has for a base, and what must be said beside them."""

    title: str
    cells: Callable[[Mapping[str, Any]], list[Fields]]
    notes: Callable[[Mapping[str, Any]], list[str]]
    not_in_base: tuple[str, ...]
    """Fields that its cells set."""


def table_4_cells(base: Mapping[str, Any]) -> list[Fields]:
    """Return the rows of Table 4 and plain CCE, under its four noises.

    With a recipe in the base only that one's rows: the text's, or the code's.
    """
    rows = {
        None: ("CCE", *CODE_ROWS, *TEXT_ROWS),
        CODE: ("CCE", *CODE_ROWS),
        TEXT: ("CCE", *TEXT_ROWS),
    }[_variant(base)]
    noises = [(_noise(kind, base), rate) for kind, rate in TABLE_4_COLUMNS]
    return [
        {"recipe": recipe, "noise": noise, "noise_rate": rate}
        for noise, rate in noises
        for recipe in rows
    ]


def figure_7_cells(base: Mapping[str, Any]) -> list[Fields]:
    """Return the alphas of Fig. 7 at beta = 50, the betas at alpha = 50, its baseline and CCE."""
    recipe = _variant(base) or CODE
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
    variant = _variant(base)
    return [
        *([MIXED] if variant != TEXT else []),
        *([NO_WARMUP] if variant != CODE else []),
        *stands_in,
    ]


def figure_7_notes(base: Mapping[str, Any]) -> list[str]:
    """Return what must be said beside Fig. 7 on this data set."""
    return [PICTURE, NO_WARMUP]


NAMED_SWEEPS = {
    "table-4": NamedSweep(
        "Table 4: AUM only, AUM + cosine annealing, HMW, beside plain CCE",
        table_4_cells,
        table_4_notes,
        ("recipe", "noise", "noise_rate"),
    ),
    "figure-7": NamedSweep(
        "Fig. 7: alpha and beta from 0 to 5000",
        figure_7_cells,
        figure_7_notes,
        ("recipe", "noise", "noise_rate", "alpha", "beta"),
    ),
}


def named_base(named: NamedSweep, given: Mapping[str, Any]) -> Fields:
    """Return the base of a named sweep: what was given, but the fields that its cells set.

    Raises
    ------
    UsageError
        If one of these fields was given; a recipe may be, see `_variant`.
    """
    _variant(given)
    taken = [name for name in named.not_in_base if name in given and name != "recipe"]
    if taken:
        raise UsageError(
            f"{', '.join(taken)} cannot be given: the named sweep has its own; "
            "for others use --grid and a name of your own"
        )
    return HERE | {name: value for name, value in given.items() if name != "recipe"}


def _variant(base: Mapping[str, Any]) -> str | None:
    recipe = base.get("recipe")
    if recipe not in (None, TEXT, CODE):
        raise UsageError(f"a named sweep takes --recipe {TEXT} or {CODE}, got {recipe!r}")
    return recipe


def _noise(kind: str, base: Mapping[str, Any]) -> str:
    """Return our noise that is the paper's on this data set, or replaces it."""
    if kind == "symmetric":
        return kind
    return {"cifar10": "asymmetric", "cifar100": "block_shift"}.get(
        base.get("dataset", "digits"), "pair_flip"
    )
