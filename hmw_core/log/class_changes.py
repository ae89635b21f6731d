"""A class renamed, or merged into another one: a line of the review log beside the verdicts.

A merge speaks of a class and not of samples: no sample counts as judged or as mislabeled by it,
and a sample that a verdict gives the class later is merged, too. `class_names` and `n_classes`
of the run stay as they are; a class that is merged is then empty.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

LONGEST_NAME = 500  # characters


@dataclass(frozen=True)
class ClassChange:
    """A class `label` that becomes the class `into`, or gets another `name`; one of the two.

    `time` is UTC, as a verdict's.
    """

    label: int
    into: int | None = None
    name: str | None = None
    reviewer: str = ""
    note: str = ""
    time: str = ""
    id: str = ""


def what_is_wrong(line: Mapping[str, Any], n_classes: int) -> str | None:
    """Return why a line with the fields of `ClassChange` is none, None for a good one."""
    label, into, name = (line.get(field) for field in ("label", "into", "name"))
    classes = f"a class in 0..{n_classes - 1}"
    if type(label) is not int or not 0 <= label < n_classes:
        return f"label must be {classes}"
    if (into is None) == (name is None):
        return "a change of a class has either `into` or `name`"
    if into is not None and (type(into) is not int or not 0 <= into < n_classes or into == label):
        return f"a class is merged into another one: {classes}"
    if name is not None and (type(name) is not str or not 0 < len(name.strip()) <= LONGEST_NAME):
        return f"a name is text of 1 to {LONGEST_NAME} characters"
    return None


def clash(change: ClassChange, standing: Sequence[ClassChange], names: Sequence[str]) -> str | None:
    """Return why a change cannot be added to those that stand, None where it can."""
    merged = merged_into(standing, len(names))
    if merged[change.label] != change.label:
        gone = f"{names[change.label]!r} is already part of {names[merged[change.label]]!r}"
        return f"{gone}; take that merge back first"
    if change.into is not None:
        if merged[change.into] == change.label:
            return f"{names[change.into]!r} is already part of {names[change.label]!r}"
        return None
    called = current_names(standing, names)
    wanted = _seen(change.name or "")
    taken = [c for c, name in enumerate(called) if c != change.label and _seen(name) == wanted]
    if taken:
        return f"class {taken[0]} is called {called[taken[0]]!r}; merge the two instead"
    return None


def merged_into(changes: Sequence[ClassChange], n_classes: int) -> np.ndarray:
    """Return the class that each class has become, (C,) int64; itself where it was not merged."""
    merged = np.arange(n_classes)
    for change in changes:
        if change.into is not None:
            merged[merged == change.label] = merged[change.into]
    return merged


def current_names(changes: Sequence[ClassChange], names: Sequence[str]) -> list[str]:
    """Return the classes' names with the renamings that stand."""
    called = list(names)
    for change in changes:
        if change.name is not None:
            called[change.label] = change.name
    return called


def _seen(name: str) -> str:
    return " ".join(name.split()).casefold()
