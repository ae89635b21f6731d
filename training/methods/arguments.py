"""The arguments of a method, checked by name and range."""

from collections.abc import Mapping, Sequence
from typing import Any

from hmw_core.catalogue import Argument
from hmw_core.errors import UsageError


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
