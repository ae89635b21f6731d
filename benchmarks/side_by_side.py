"""Trainings beside one another on the same cores: what threads that spin cost, beside ours.

Predicted: two trainings at a time take twice as long an epoch as one alone, and several times
longer where the threads of torch spin while they wait for one another, as they do by themselves.

    python -m benchmarks.side_by_side --epochs 10 --repeats 3

Each repeat trains on digits in every setting, one training alone and two at a time, in turn.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SETTINGS: dict[str, dict[str, str]] = {
    "ours": {},
    "torch's own: threads that spin": {"OMP_WAIT_POLICY": "ACTIVE"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
TRAIN = "train --dataset digits --noise symmetric --noise-rate 0.5 --recipe CCE --device cpu"
FIRST = 2  # epochs left out: torch prepares itself in them


def main() -> None:
    """Print seconds an epoch, and how many times ours they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    found: dict[tuple[int, str], list[float]] = {}
    for _ in range(options.repeats):
        for n_at_once in (1, 2):
            for name, told in SETTINGS.items():
                seconds = _epoch_seconds(n_at_once, told, options.epochs)
                found.setdefault((n_at_once, name), []).append(seconds)
    for (n_at_once, name), seconds in found.items():
        ratios = [s / o for s, o in zip(seconds, found[n_at_once, "ours"], strict=True)]
        print(
            f"{n_at_once} at a time, {name}: {statistics.median(seconds):.2f} s an epoch "
            f"[{min(seconds):.2f}, {max(seconds):.2f}], {statistics.median(ratios):.1f} times ours "
            f"[{min(ratios):.1f}, {max(ratios):.1f}]"
        )


def _epoch_seconds(n_at_once: int, told: dict[str, str], n_epochs: int) -> float:
    """Return the median seconds of an epoch of trainings that run at the same time."""
    own = {k: v for k, v in os.environ.items() if not k.startswith("OMP_")}
    with tempfile.TemporaryDirectory() as place:
        names = [f"r{number}" for number in range(n_at_once)]
        command = [sys.executable, "-m", "training", *TRAIN.split(), "--epochs", str(n_epochs)]
        trainings = [
            subprocess.Popen(
                [*command, "--runs", place, "--run", name],
                env={**own, **told},
                stdout=subprocess.DEVNULL,
            )
            for name in names
        ]
        for training in trainings:
            assert training.wait() == 0
        rows = [
            json.loads(path.read_text())
            for name in names
            for path in (Path(place) / name / "metrics").iterdir()
        ]
    return statistics.median(row["seconds"] for row in rows if row["epoch"] > FIRST)


if __name__ == "__main__":
    main()
