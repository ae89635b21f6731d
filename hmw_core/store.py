"""The door to the run folder: `RunWriter` fills it, `RunReader` and `list_runs` read it."""

from hmw_core.log.reader import RunReader, list_runs
from hmw_core.recording.writer import RunWriter

__all__ = ["RunReader", "RunWriter", "list_runs"]
