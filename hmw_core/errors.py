"""Errors that are the user's to mend: one sentence, no traceback."""

from collections.abc import Mapping
from typing import TypeVar

Member = TypeVar("Member")


class UsageError(ValueError):
    """What the user gave cannot be used; the message says what, where, and what is accepted."""


class UnreadableRun(UsageError):
    """A run folder that is damaged, foreign, or written by a newer version."""


def pick(registry: Mapping[str, Member], name: str, what: str) -> Member:
    """Return `registry[name]`.

    Raises
    ------
    UsageError
        If there is no such name; the message lists the known ones.
    """
    if name not in registry:
        raise UsageError(f"unknown {what} {name!r}; known: {', '.join(registry)}")
    return registry[name]
