"""The run log and everything computed from it; training and dashboard share it.

The face is `RunWriter`, `RunReader`, `list_runs` and `CRITERIA`. Each is loaded when it is first
asked for, so that a program that only logs pays for numpy and pyarrow and for nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import hmw_core.moved  # noqa: F401  # old module paths work, with a warning

if TYPE_CHECKING:
    from hmw_core.criteria import CRITERIA
    from hmw_core.log.reader import RunReader
    from hmw_core.log.run_list import list_runs
    from hmw_core.recording.writer import RunWriter

__version__ = "0.2.0"
__all__ = ["CRITERIA", "RunReader", "RunWriter", "list_runs"]

_MODULES = {
    "CRITERIA": "hmw_core.criteria",
    "RunReader": "hmw_core.log.reader",
    "RunWriter": "hmw_core.recording.writer",
    "list_runs": "hmw_core.log.run_list",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
