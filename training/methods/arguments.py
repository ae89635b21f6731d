"""The arguments of a method, checked by name and range, and those that several methods have."""

from collections.abc import Mapping, Sequence
from typing import Any

from hmw_core.catalogue import Argument, Choice
from hmw_core.errors import UsageError

NOISE_RATE = Argument(
    "noise_rate",
    None,
    0.0,
    1.0,
    "",
    "share of the labels that is taken to be wrong; by default the rate of the noise",
    default_from="noise_rate",
)
VALIDATION_SHARE = Argument(
    "validation_share",
    0.1,
    0.0,
    0.5,
    "",
    "of each class, by given label, that is held out of the training to choose by",
)


def argument_values(
    method: str,
    arguments: Sequence[Argument | Choice],
    given: Mapping[str, Any],
    epochs: int,
) -> dict[str, Any]:
    """Return the value of each argument: the one given, else its default in so many epochs.

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
        if not _accepts(known[name], value):
            raise UsageError(
                f"--method-args {name} of method {method!r} must be {known[name].range}, "
                f"got {value}"
            )
    values: dict[str, Any] = {
        name: argument.default if isinstance(argument, Choice) else argument.default_for(epochs)
        for name, argument in known.items()
    }
    values |= given
    whole = [name for name, argument in known.items() if getattr(argument, "whole", False)]
    return values | {name: int(values[name]) for name in whole if values[name] is not None}


def _accepts(argument: Argument | Choice, value: Any) -> bool:
    if isinstance(argument, Choice):
        return isinstance(value, str) and (argument.or_file or value in argument.accepted)
    is_number = isinstance(value, int | float) and argument.low <= value <= argument.high
    return is_number and not (argument.whole and value != int(value))
