"""A table of the fields of a JSON file, and the check that a file is so.

A leaf is the words for a value and its test; a list holds what each item must be; a dict has a
key for each field. A field whose name ends in "?" may be null or absent, "*" stands for fields of
any name, and a field that has no key is not looked at.
"""

import re
import reprlib
from collections.abc import Callable, Collection
from typing import Any, TypeAlias

Leaf: TypeAlias = tuple[str, Callable[[Any], bool]]


def _is_text(value: Any) -> bool:
    """Tell whether a value is a text that can be shown: half a surrogate pair cannot."""
    return isinstance(value, str) and not re.search("[\ud800-\udfff]", value)


TEXT: Leaf = ("a text", _is_text)
OBJECT: Leaf = ("an object", lambda v: isinstance(v, dict))


def whole(low: int, high: int) -> Leaf:
    """Return the leaf of whole numbers from `low` to `high`; True is none."""
    return f"a whole number from {low} to {high}", lambda v: type(v) is int and low <= v <= high


def number(low: float, high: float) -> Leaf:
    """Return the leaf of numbers from `low` to `high`; NaN is none."""
    words = f"a number from {low:g} to {high:g}"
    return words, lambda v: type(v) in (int, float) and low <= v <= high


def one_of(names: Collection[str]) -> Leaf:
    """Return the leaf of some words."""
    return f"one of {', '.join(names)}", lambda v: v in names


def matching(pattern: str, words: str) -> Leaf:
    """Return the leaf of texts that are wholly of a pattern."""
    whole_text = re.compile(pattern, re.ASCII)
    return words, lambda v: isinstance(v, str) and whole_text.fullmatch(v) is not None


FINITE = number(-1e300, 1e300)
SHARE = number(0, 1 + 1e-6)


def check(value: Any, wanted: Any, where: str = "") -> None:
    """Raise ValueError, which names the first field that is not as wanted, and what it may be."""
    if isinstance(wanted, tuple):
        words, is_one = wanted
        if not is_one(value):
            raise ValueError(f"{where} is {reprlib.repr(value)}, not {words}")
    elif isinstance(wanted, list):
        if not isinstance(value, list | tuple):
            raise ValueError(f"{where} is {reprlib.repr(value)}, not a list")
        for item in value:
            check(item, wanted[0], where)
    elif not isinstance(value, dict):
        raise ValueError(f"{where} is {reprlib.repr(value)}, not an object")
    else:
        for key, of_field in wanted.items():
            name = key.rstrip("?")
            inner = f"{where}.{name}".lstrip(".")
            if key == "*":
                check(list(value.values()), [of_field], where)
            elif key == name and name not in value:
                raise ValueError(f"it lacks {inner}")
            elif key == name or value.get(name) is not None:
                check(value[name], of_field, inner)
