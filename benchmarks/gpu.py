"""What a GPU makes of it: epoch seconds, the log's cost, and accuracy after 30 epochs.

    python -m benchmarks.gpu --data FOLDER --out OUT            # at most ten minutes a call
    python -m benchmarks.gpu --data FOLDER --out OUT --toy      # small and on the CPU: it works

FOLDER holds cifar10_train.parquet and cifar10_test.parquet. Each piece is kept in OUT/gpu.json as
soon as it is measured, and a training stops in time with its epochs kept: the same command goes on.

Predicted before the first run, PreAct ResNet-18 on 50,000 pictures: bfloat16 with channels-last at
least 2.5 times as fast as float32; the full log at most 5 % of an epoch; DivideMix 7 to 10 and
UNICON 9 to 12 times an epoch of CCE.
"""

import argparse
import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
import torch

from benchmarks.common import ROOT
from benchmarks.overhead import LoggedArm, PlainArm, synced_time
from benchmarks.which_criterion import as_table
from hmw_core import RunReader
from training import devices
from training.config import RunConfig
from training.data.prepare import TrainingData, load_data
from training.loop import Training
from training.recipes import recipe_fields
from training.sweeps.grid import train_words

LIMIT = 560.0  # s of a call
ACCURACIES = ("CCE", "CCE+HMW-code", "ELR", "DivideMix")
SEMI_SUPERVISED = ("DivideMix", "UNICON")
N_EPOCHS = 30
RUNS = "runs"


def main() -> None:
    """Measure what is missing, as far as the time goes, and print what is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=float, default=LIMIT, help="s of this call")
    parser.add_argument("--toy", action="store_true", help="300 pictures, small_cnn, CPU, 2 epochs")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    bench = Bench(options.data, options.out, time.monotonic() + options.limit, options.toy)
    for name, piece in bench.pieces():
        if name not in bench.found and bench.left() > 0:
            bench.keep(name, piece())
    print(bench.report())


class Bench:
    """The pieces, each measured once and kept."""

    def __init__(self, data: Path, out: Path, end: float, toy: bool) -> None:
        self.data, self.out, self.end, self.toy = data, out, end, toy
        self.file = out / "gpu.json"
        self.found: dict[str, Any] = {}
        if self.file.exists():
            self.found = json.loads(self.file.read_text(encoding="utf-8"))

    def left(self) -> float:
        """Return the seconds left of this call."""
        return self.end - time.monotonic()

    def keep(self, name: str, value: Any) -> None:
        """Keep a piece that was measured to its end."""
        if value is not None:
            self.found[name] = value
            self.file.write_text(json.dumps(self.found, indent=1), encoding="utf-8")

    def pieces(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        """Yield every piece by name, the short ones first."""
        for name in FORMATS:
            yield f"epoch, {name}", lambda name=name: self.epoch_seconds(name, logged=False)
        yield "epoch, as it is, with the full log", lambda: self.epoch_seconds("as it is", True)
        for recipe in SEMI_SUPERVISED:
            yield f"epoch, {recipe}", lambda recipe=recipe: self.semi_supervised(recipe)
        for recipe in ACCURACIES:
            yield f"accuracy, {recipe}", lambda recipe=recipe: self.accuracy(recipe)

    def config(self, recipe: str, **fields: Any) -> RunConfig:
        """Return a training of the paper's on these files, or a toy of it."""
        known = recipe_fields(recipe, "cifar10", "symmetric", 0.5)
        known |= {
            "dataset": "parquet",
            "data": str(self.data / "cifar10_train.parquet"),
            "test_data": str(self.data / "cifar10_test.parquet"),
            "noise": "symmetric",
            "noise_rate": 0.5,
            "augment": "crop_flip",
            "epochs": 2 if self.toy else N_EPOCHS,
            "runs": str(self.out / RUNS),
        }
        if self.toy:
            known |= {"train_samples": 300, "network": "small_cnn", "device": "cpu", "threads": 1}
        return RunConfig(**known | fields)

    @cached_property
    def loaded(self) -> TrainingData:
        """Return pictures and labels, the same for all that is timed."""
        return load_data(self.config("CCE"))

    def epoch_seconds(self, name: str, logged: bool) -> list[float]:
        """Return the seconds of each of three epochs after a first one, plain CE."""
        with FORMATS[name](), tempfile.TemporaryDirectory() as folder:
            config = self.config("CCE", runs=folder, run="timed", epochs=4)
            training = Training(config, self.loaded)
            arm: PlainArm = PlainArm(training, Path(folder), whole=False)
            if logged:
                arm = LoggedArm(training, training.new_log(), whole=False)
            arm.block(1)
            return [arm.block(1) for _ in range(3)]

    def semi_supervised(self, recipe: str) -> list[float]:
        """Return the seconds of an epoch after one of warm-up."""
        config = self.config(recipe, method_args={"warmup_epochs": 1}, warmup_epochs=1, epochs=3)
        training = Training(config, self.loaded)
        training.train_epoch(1, lambda *_: None)
        started = synced_time(training.device)
        training.train_epoch(2, lambda *_: None)
        return [synced_time(training.device) - started]

    def accuracy(self, recipe: str) -> list[float] | None:
        """Return the test accuracy by epoch; None where the time went out before the last."""
        config = self.config(recipe, run=recipe)
        words = ["resume", str(config.folder)]
        if not (config.folder / "run.json").exists():
            words = ["train", *train_words(config)]
        command = [sys.executable, "-m", "training", *words, "--no-map"]
        with subprocess.Popen(command, cwd=ROOT) as process:
            try:
                process.wait(timeout=max(self.left(), 1))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGTERM)  # it stops after its batch, epochs are kept
        if process.returncode:
            return None
        return RunReader(config.folder).metrics()["test_accuracy"].tolist()

    def report(self) -> str:
        """Return what was measured, as Markdown."""
        where = devices.describe(devices.choose_device("cpu" if self.toy else "auto"))
        rows = []
        for name, _ in self.pieces():
            value = self.found.get(name)
            if value is None:
                text = "not measured yet"
            elif name.startswith("accuracy"):
                text = f"{value[-1]:.1%} after {len(value)} epochs, best {max(value):.1%}"
            else:
                text = f"{min(value):.2f} to {max(value):.2f} s"
            rows.append({"piece": name, "seen": text})
        size = "toy size, which says nothing of a GPU" if self.toy else "PreAct ResNet-18, CIFAR-10"
        return f"{where}, {size}\n\n{as_table(pd.DataFrame(rows))}"


@contextlib.contextmanager
def _as_floats(channels_last: bool = False) -> Iterator[None]:
    """Train in float32, with the channels first or last."""
    order = torch.channels_last if channels_last else torch.contiguous_format

    def plain(*_: object) -> contextlib.AbstractContextManager:
        return contextlib.nullcontext()

    with (
        patch("benchmarks.overhead.devices.autocast", plain),
        patch("training.methods.parts.memory_format", lambda _: order),
        patch("training.data.batches.memory_format", lambda _: order),
    ):
        yield


@contextlib.contextmanager
def _channels_first() -> Iterator[None]:
    """Train in bfloat16 where the device can, with the channels first."""
    order = torch.contiguous_format
    with (
        patch("training.methods.parts.memory_format", lambda _: order),
        patch("training.data.batches.memory_format", lambda _: order),
    ):
        yield


FORMATS: dict[str, Callable[[], contextlib.AbstractContextManager]] = {
    "float32": _as_floats,
    "float32, channels last": lambda: _as_floats(channels_last=True),
    "bfloat16": _channels_first,
    "as it is": contextlib.nullcontext,
}
"""What a training computes in; as it is, bfloat16 with channels last on CUDA."""


if __name__ == "__main__":
    main()
