"""What made a run or an export: versions, commit, log and criteria."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hmw_core.criteria import CRITERIA_VERSION

if TYPE_CHECKING:
    from hmw_core.log.reader import RunReader


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide a run's numbers."""
    found = {"python": platform.python_version()}
    for package in ("numpy", "pyarrow", "torch", "torchvision", "timm"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str | None:
    """Return the commit of this program, or None where it is not in a git checkout."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def of_run(run: "RunReader", epoch: int | None = None) -> dict[str, Any]:
    """Return what an export of all criteria says of where it came from, as JSON values.

    `epoch` is the last one used. Default: the last one logged.
    """
    last = run.last_epoch if epoch is None else epoch
    return {
        "run": run.name,
        "run_format": run.info["format"],
        "fingerprint": run.info["dataset"]["fingerprint"],
        "criteria_version": CRITERIA_VERSION,
        "first_epoch": 1 if last else None,
        "last_epoch": last or None,
        "commit": commit(),
    }
