"""Kill trainings at random moments: what is lost, and is a resumed run the unbroken one.

    python -m benchmarks.kills --kills 20 --seed 0

Each kill starts the same small training, sends it a signal after a random share of the time that
an unbroken one takes (loading included), looks at what is left, goes on with `resume` (or with
`train` where nothing was left), and compares every file with the unbroken run's.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from hmw_core.log.reader import RunReader
from hmw_core.log.run_list import list_runs

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
TRAIN = "train --dataset digits --noise symmetric --noise-rate 0.5 --recipe CCE+HMW-code"
SIZE = "--train-samples 600 --epochs 40"
OWN_TIME = ("seconds", "samples_per_second")  # never the same twice


def main() -> None:
    """Kill, resume, compare; print a line a kill and a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        runs = Path(place) / "runs"
        started = time.monotonic()
        assert _command(runs, "unbroken").wait() == 0
        life = time.monotonic() - started
        print(f"an unbroken training takes {life:.1f} s")
        for number in range(options.kills):
            chosen = SIGNALS[number % len(SIGNALS)]
            faults = _kill(runs, f"killed-{number}", chosen, rng.uniform(0, life))
            print(
                f"{number + 1:3d} {chosen.name}: {', '.join(faults) or 'nothing lost'}", flush=True
            )
            found.update(faults)
    for fault, count in found.most_common():
        print(f"{count} of {options.kills}: {fault}")
    print(f"{options.kills} kills, {sum(found.values())} faults")


def _command(runs: Path, name: str, verb: str = "train") -> subprocess.Popen[str]:
    words = f"{TRAIN} {SIZE} --run {name}".split() if verb == "train" else ["resume", name]
    command = [sys.executable, "-m", "training", *words, "--runs", str(runs)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _kill(runs: Path, name: str, chosen: signal.Signals, after: float) -> list[str]:
    """Return what went wrong with one training that is sent a signal `after` seconds."""
    process = _command(runs, name)
    time.sleep(after)
    os.kill(process.pid, chosen)
    said, errors = process.communicate()
    faults = ["traceback of the killed"] if "Traceback" in errors else []
    told = sum(line.startswith(f"{name}  epoch") for line in said.splitlines())
    broken = [entry for entry in list_runs(runs) if isinstance(entry, tuple)]
    faults += [f"unreadable folder: {reason}" for _, reason in broken]
    left = RunReader(runs / name) if (runs / name).exists() else None
    if left is not None and left.damage:
        faults.append("damaged epochs")
    # An epoch is told before its files are on disk; at most the one being written may be lost.
    if told > 1 and (left is None or left.last_epoch < told - 1):
        faults.append("whole epochs lost")
    if left is None or left.status != "finished":
        again = _command(runs, name, "train" if left is None else "resume")
        errors = again.communicate()[1]
        if again.returncode != 0:
            return [*faults, f"does not go on: {errors.strip().splitlines()[-1]}"]
    return faults + _differences(runs / name, runs / "unbroken")


def _differences(mine: Path, theirs: Path) -> list[str]:
    """Return how the files of two runs differ."""
    names = [
        {str(p.relative_to(run)) for p in run.rglob("*") if p.is_file()} for run in (mine, theirs)
    ]
    faults = [f"has {name} too many" for name in sorted(names[0] - names[1])[:2]]
    faults += [f"lacks {name}" for name in sorted(names[1] - names[0])[:2]]
    for name in sorted(names[0] & names[1]):
        if name.endswith(".parquet") and not pq.read_table(mine / name).equals(
            pq.read_table(theirs / name)
        ):
            return [*faults, "another content of a table"]
        if name.startswith("metrics/"):
            rows = [json.loads((run / name).read_text()) for run in (mine, theirs)]
            for row, column in ((row, column) for row in rows for column in OWN_TIME):
                row.pop(column, None)
            if rows[0] != rows[1]:
                return [*faults, "other metrics"]
    return faults


if __name__ == "__main__":
    main()
