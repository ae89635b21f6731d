"""Module paths of version 0.1: they work in 0.2, and say where the module went."""

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "hmw_core.store": "hmw_core",
    "hmw_core.reader": "hmw_core.log.reader",
    "hmw_core.writer": "hmw_core.recording.writer",
    "hmw_core.losses": "hmw_core.objective.losses",
    "hmw_core.weighting": "hmw_core.objective.weighting",
}


def new_path(name: str) -> str | None:
    """Return where a module went, None for one that did not move."""
    for old, new in MOVED.items():
        if name == old or name.startswith(f"{old}."):
            return new + name.removeprefix(old)
    return None


class OldPaths(MetaPathFinder, Loader):
    """Import the moved module itself under its old path, so that its classes exist only once."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how an old path is imported, None for any other module."""
        return ModuleSpec(name, self) if new_path(name) else None

    def exec_module(self, module: ModuleType) -> None:
        """Put the moved module in the place of the empty one."""
        old, new = module.__name__, str(new_path(module.__name__))
        message = f"{old} has moved and goes with version 0.3: import from {new}"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        sys.modules[old] = import_module(new)


# First, since the finder for files would load a second copy of a moved package's modules.
sys.meta_path.insert(0, OldPaths())
