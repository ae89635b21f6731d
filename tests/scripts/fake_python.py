"""A Python that installs, trains and serves nothing; it writes down what it was asked.

It is put on PATH as `python3`, and copied into .venv by its own `-m venv`. The probe that looks
for a usable Python runs for real, in the version that FAKE_PYTHON says ("3.9", "3.12 bare").
"""

import importlib.util
import json
import os
import shutil
import sys
import time
from pathlib import Path

OFFLINE = """\
WARNING: Retrying (Retry(total=1)) after connection broken by 'NewConnectionError(...)': /numpy/
ERROR: Could not find a version that satisfies the requirement numpy (from versions: none)
"""
FULL = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n"


def main(itself: Path, arguments: list[str]) -> int:
    version, *state = os.environ.get("FAKE_PYTHON", "3.11").split()
    if arguments[0] == "--version":
        print("Python", version)
        return 0
    if arguments[0] == "-c":
        sys.version_info = (*map(int, version.split(".")), 0)  # type: ignore[assignment] # a fake
        if state:
            importlib.util.find_spec = lambda name: None  # type: ignore[assignment,misc] # a fake
        if "base_prefix" in arguments[1]:  # asks whether this is a virtual environment
            return int(not itself.parents[1].joinpath("pyvenv.cfg").exists())
        exec(arguments[1], {})
        return 0
    module = arguments[1]
    with Path(os.environ["FAKE_CALLS"]).open("a", encoding="utf-8") as file:
        file.write(" ".join(arguments[1:]) + "\n")
    pause_or_fail = os.environ.get(f"FAKE_{module.split('.')[0].upper()}", "")
    if pause_or_fail == "sleep":
        time.sleep(30)
    if pause_or_fail == "slow":
        time.sleep(0.5)
    if module == "pip" and pause_or_fail in {"offline", "full"}:
        sys.stderr.write({"offline": OFFLINE, "full": FULL}[pause_or_fail])
        return 1
    if module == "venv":
        make_venv(itself, Path(arguments[2]))
    if module == "training":
        train(arguments[2:])
    return int(pause_or_fail == "fail")


def make_venv(itself: Path, folder: Path) -> None:
    (folder / "bin").mkdir()
    shutil.copy(itself, folder / "bin" / "python")
    (folder / "pyvenv.cfg").touch()
    (folder / "lib" / "python3.11" / "site-packages" / "pip-1.dist-info").mkdir(parents=True)


def train(arguments: list[str]) -> None:
    resumes = arguments[0] == "resume"
    options = dict(zip(arguments[1::2], arguments[2::2], strict=False))
    folder = Path(arguments[1]) if resumes else Path(options["--runs"], options["--run"])
    folder.mkdir(exist_ok=resumes)
    write_status(folder, "running")
    try:
        time.sleep(30 if os.environ.get("FAKE_TRAIN") == "sleep" else 0)
    except KeyboardInterrupt:
        write_status(folder, "stopped")
        raise SystemExit(130) from None
    write_status(folder, "finished")


def write_status(folder: Path, status: str) -> None:
    (folder / "run.json").write_text(json.dumps({"format": 1, "status": status}))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
