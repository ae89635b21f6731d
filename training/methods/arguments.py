"""The arguments of a method: declared once, checked by name and range."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hmw_core.errors import UsageError


@dataclass(frozen=True)
class Argument:
    """A number that `--method-args NAME VALUE` sets.

    A default of None is worked out by the method, as `meaning` says.
    """

    name: str
    default: float | None
    low: float
    high: float
    unit: str
    meaning: str
    whole: bool = False
    """Whether it is a whole number."""

    @property
    def range(self) -> str:
        """The accepted values, such as "0 to 1" or "1 or more"."""
        kind = "whole, " if self.whole else ""
        if math.isinf(self.high):
            return f"{kind}{self.low:g} or more"
        return f"{kind}{self.low:g} to {self.high:g}"


def argument_values(
    method: str, arguments: Sequence[Argument], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the value of each argument: the one given, else its default.

    Raises
    ------
    UsageError
        For an unknown name, or a value out of range.
    """
    known = {argument.name: argument for argument in arguments}
    for name, value in given.items():
        if name not in known:
            names = ", ".join(known) or "none"
            raise UsageError(f"method {method!r} has no argument {name!r}; it has {names}")
        argument = known[name]
        is_number = isinstance(value, int | float) and argument.low <= value <= argument.high
        if not is_number or (argument.whole and value != int(value)):
            raise UsageError(
                f"--method-args {name} of method {method!r} must be {argument.range}, got {value}"
            )
    values: dict[str, Any] = {name: argument.default for name, argument in known.items()}
    values |= given
    return {
        name: int(value) if known[name].whole and value is not None else value
        for name, value in values.items()
    }
