"""Where the splits and classes of a folder of pictures are: `train/CLASS/...` and its kin."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hmw_core.errors import UsageError
from training.data.folder_walk import entries, is_ignored, is_picture, printable, subfolders

SPLITS = {
    "train": "train|training|trn",
    "test": "test|testing|tst",
    "val": "val|valid|validation|validate|dev|eval|evaluation|holdout|heldout",
}
ACCEPTED = "accepted is train/CLASS/..., test/CLASS/... or val/CLASS/..., or CLASS/... alone"

Classes = dict[str, list[Path]]
"""Folders by class name: several where names differ only in how an accent is written."""


@dataclass
class Layout:
    """The folders of each class, for training and for testing."""

    train: Path
    classes: Classes
    held: Path | None
    held_classes: Classes
    notes: list[str] = field(default_factory=list)
    """Sentences on what was not as plain as it looks."""


def split_kind(name: str) -> str | None:
    """Return `train`, `test` or `val` for a folder called so in any usual spelling, else None."""
    word = re.sub(r"[^a-z]", "", name.casefold())
    for kind, words in SPLITS.items():
        if re.fullmatch(f"({words})(set|split|data|images?|imgs?)?", word):
            return kind
    return None


def find_layout(root: Path) -> Layout:
    """Return where the classes are.

    A folder called like a split is one if it holds folders. Beside folders of classes, one that
    holds pictures alone is a class: among vehicles, `train` is one.

    Raises
    ------
    UsageError
        If two folders are the same split, the splits lie inside of the classes, there are fewer
        than two classes, or the test split has others.
    """
    notes = []
    named = [(split_kind(folder.name), folder) for folder in subfolders(root)]
    others = [folder for kind, folder in named if kind is None]
    is_deep = {folder: bool(subfolders(folder)) for kind, folder in named if kind is not None}
    by_kind = {wanted: [folder for kind, folder in named if kind == wanted] for wanted in SPLITS}
    deep = {kind: [f for f in folders if is_deep[f]] for kind, folders in by_kind.items()}
    has_train = bool(deep["train"]) or (bool(by_kind["train"]) and not others)
    if has_train:
        train = _only(deep["train"] or by_kind["train"], "training")
        members = subfolders(train)
        flat = [f for kind in ("test", "val") for f in by_kind[kind] if not is_deep[f]]
        notes += [f"{_said(f)} holds no folder of a class and is not used" for f in flat if _any(f)]
        if others:
            names = ", ".join(map(_said, others))
            notes.append(f"what lies beside {_said(train)} is not read: {names}")
    else:
        train = root
        alike = [folder for folder in is_deep if not is_deep[folder]]
        members = [*others, *alike]
        words = {split_kind(word) for f in others for word in re.split(r"[\W\d_]+", f.name)}
        if "train" in words and words & {"test", "val"}:
            names = ", ".join(map(_said, others))
            raise UsageError(f"{printable(root)} seems to hold splits ({names}); {ACCEPTED}")
        notes += [f"{_said(f)} counts as a class: it holds pictures, no folders" for f in alike]
    outer = [folder for folder in members if subfolders(folder)]
    if outer and not any(is_picture(entry) for folder in members for entry in entries(folder)):
        names = ", ".join(map(_said, members[:5]))
        notes.append(f"the classes are the outer folders ({names}); the folders in them are not")
    tests, vals = deep["test"], deep["val"]
    held = _only(tests or vals, "test") if tests or vals else None
    if tests and vals:
        notes.append(f"the test split is {_said(tests[0])}; {_said(vals[0])} is not used")
    classes = _classes(members)
    _check(root, train, classes, members)
    held_classes = {} if held is None else _classes(subfolders(held))
    strangers = held_classes.keys() - classes.keys()
    if strangers:
        raise UsageError(
            f"{printable(held or root)} has classes that {printable(train)} lacks: "
            f"{', '.join(sorted(strangers))}"
        )
    return Layout(train, classes, held, held_classes, notes)


def _check(root: Path, train: Path, classes: Classes, members: Sequence[Path]) -> None:
    for folder in members:
        inside = {split_kind(sub.name): sub for sub in subfolders(folder)}
        if "train" in inside and ("test" in inside or "val" in inside):
            raise UsageError(
                f"{printable(root)} has its splits inside of the classes, as "
                f"{printable(inside['train'].relative_to(root))}; {ACCEPTED}"
            )
    if len(classes) < 2:
        found = f"only {next(iter(classes))!r}" if classes else "none"
        inner = next((folder for folder in members if subfolders(folder)), None)
        hint = "" if inner is None else f"; if the classes are in it, name {printable(inner)}"
        raise UsageError(
            f"{printable(train)} must hold a folder of pictures for each of 2 or more classes; "
            f"found {found}{hint}"
        )


def _classes(folders: Sequence[Path]) -> Classes:
    found: Classes = {}
    for folder in folders:
        name = unicodedata.normalize("NFC", printable(folder.name))
        found.setdefault(name, []).append(folder)
    return dict(sorted(found.items()))


def _only(folders: Sequence[Path], what: str) -> Path:
    if len(folders) > 1:
        names = ", ".join(map(_said, folders))
        raise UsageError(f"there are several {what} folders ({names}); keep one of them")
    return folders[0]


def _any(folder: Path) -> bool:
    return any(not is_ignored(path.name) for path in folder.iterdir())


def _said(folder: Path) -> str:
    return repr(printable(folder.name))
