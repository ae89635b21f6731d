"""What both callbacks need: a class of a library that need not be installed, checks, a metric."""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from hmw_core.errors import UsageError
from hmw_core.recording.writer import RunWriter


def base_class(modules: Sequence[str], name: str) -> Any:
    """Return a class from the first of `modules` there is, `object` without any.

    What is loaded already comes first: `lightning` and `pytorch_lightning` hold two classes of
    one name, and a trainer of the one does not take callbacks of the other.
    """
    for module in sorted(modules, key=lambda module: module not in sys.modules):
        try:
            return getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            if error.name not in (module, module.split(".")[0]):
                raise  # it is there, and something that it needs is not
    return object


def check_installed(base: Any, package: str) -> None:
    """Raise UsageError if `base_class` found nothing."""
    if base is object:
        raise UsageError(f"this callback needs the package {package}: pip install {package}")


def known_metric(log: RunWriter, metrics: Mapping[str, Any], name: str) -> float | None:
    """Return a metric of the trainer's; where there is none of this name, the run warns of it."""
    if name in metrics:
        return float(metrics[name])
    log.warn(
        f"The test accuracy is not known: the trainer gave no metric {name!r}, "
        f"only {', '.join(map(str, metrics)) or 'none at all'}."
    )
    return None


def check_single_process(world_size: int) -> None:
    """Raise UsageError if more than one process trains."""
    if world_size > 1:
        raise UsageError(
            f"the run log is written by one process, but {world_size} train; use one device"
        )
