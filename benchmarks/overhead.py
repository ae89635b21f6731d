"""What HM weights and the full log cost a training, and the logger alone beside `aum`.

The bar: an epoch with HM weights and the full log takes at most 5 % more than plain cross entropy
without any log where it takes a second or more (CIFAR-10 with the small CNN on the CPU, PreAct
ResNet-18 on a GPU), and at most 20 ms more where it is shorter (digits). Predicted: the logger
costs the training thread at least 20 times less a sample than `aum` fed the same logits; and its
memory does not grow with the epochs. Results: `docs/benchmarks.md`.

    python -m benchmarks.overhead --data CIFAR10.parquet --json overhead.json
    python -m benchmarks.overhead --quick             # only to see that it works

An epoch is the training pass: same network, same batches, same augmentation in both arms. Neither
evaluates or keeps a checkpoint, but for the case that says so: there both do, as any training that
one would resume, the plain arm where it stands. The plain arm is a bare loop; the other one is
`training`'s own step and `RunWriter`. Both run in blocks of several epochs, in turns and in turned
order, in this process; a block ends when its last epoch is on disk, so that no arm pays for the
other's writing.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.common import in_own_process, resident_gib, spread
from hmw_core import RunWriter
from training import checkpoint, devices, evaluation
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.data.prepare import TrainingData, load_data
from training.loop import Training
from training.records import LogRecord

Row = dict[str, object]


def synced_time(device: torch.device) -> float:
    """Return the time in seconds once the device has done what it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


class PlainArm:
    """Cross entropy without weight and log."""

    def __init__(self, training: Training, folder: Path, whole: bool) -> None:
        self.training = training
        self.folder = folder
        self.whole = whole  # with evaluation and checkpoint
        self.epoch = 0

    def block(self, n_epochs: int) -> float:
        """Return the seconds that `n_epochs` take."""
        started = synced_time(self.training.device)
        for _ in range(n_epochs):
            self.epoch += 1
            self.train_epoch()
        return synced_time(self.training.device) - started

    def train_epoch(self) -> None:
        """Train one epoch in the fewest lines."""
        method = self.training.method.train()
        (optimizer,) = method.optimizers
        loss_sum = torch.zeros((), device=self.training.device)
        for batch in self.data().batches():
            with devices.autocast(self.training.device):
                out = method.network(batch.images)
            loss = F.cross_entropy(out.logits.float(), batch.given_label)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            loss_sum.add_(loss.detach())
        loss_sum.item()
        if self.whole:
            self.evaluate()
            checkpoint.saver(method, self.epoch, self.folder)()

    def data(self) -> EpochData:
        """Return the epoch's data."""
        return self.training.epoch_data(self.epoch, lambda epoch, share: None)

    def evaluate(self) -> float:
        """Return the test accuracy."""
        training = self.training
        return evaluation.accuracy(training.method, *training.tests[""], training.stop).top1


class LoggedArm(PlainArm):
    """HM weights and the full log."""

    def __init__(self, training: Training, writer: RunWriter, whole: bool) -> None:
        super().__init__(training, writer.folder, whole)
        self.writer = writer

    def block(self, n_epochs: int) -> float:
        """Return the seconds that `n_epochs` take until the last is on disk."""
        started = synced_time(self.training.device)
        super().block(n_epochs)
        self.writer.flush()
        return time.perf_counter() - started

    def train_epoch(self) -> None:
        """Train and log one epoch as `training.loop` does."""
        method = self.training.method
        method.set_epoch(self.epoch)
        method.run_epoch(self.epoch, self.data(), LogRecord(self.writer))
        if not self.whole:
            self.writer.end_epoch(self.epoch)
            return
        test_accuracy = self.evaluate()
        save = checkpoint.saver(self.training.method, self.epoch, self.folder)
        self.writer.end_epoch(self.epoch, after=save, test_accuracy=test_accuracy)


def measure_training(
    name: str, data: TrainingData, fields: Row, repeats: int, block: int, whole: bool = False
) -> Row:
    """Return the seconds an epoch of both arms and the ratio of each pair of blocks."""
    with tempfile.TemporaryDirectory() as folder:
        n_epochs = (repeats + 1) * block
        config = RunConfig(epochs=n_epochs, runs=folder, run="logged", **fields)
        plain = PlainArm(Training(RunConfig(epochs=n_epochs, **fields), data), Path(folder), whole)
        weighted = RunConfig(**config.as_json() | {"weighting": "hmw"})
        training = Training(weighted, data)
        logged = LoggedArm(training, training.new_log(), whole)
        for arm in (plain, logged):
            arm.block(block)  # warm-up
        pairs = []
        for turn in range(repeats):
            first, second = (plain, logged) if turn % 2 == 0 else (logged, plain)
            times = {arm: arm.block(block) / block for arm in (first, second)}
            pairs.append((times[plain], times[logged]))
        logged.writer.finish()
    seconds = np.array(pairs)
    ratio = seconds[:, 1] / seconds[:, 0]
    return {
        "case": name,
        "device": devices.describe(training.device),
        "plain_s": float(np.median(seconds[:, 0])),
        "logged_s": float(np.median(seconds[:, 1])),
        "more_ms": float(1e3 * np.median(seconds[:, 1] - seconds[:, 0])),
        "ratio": float(np.median(ratio)),
        "ratio_interval": median_interval(ratio),
        "ratios": ratio.round(4).tolist(),
        "epochs_a_block": block,
    }


def median_interval(values: np.ndarray) -> list[float]:
    """Return the 95 % bootstrap interval of the median."""
    rng = np.random.default_rng(0)
    draws = rng.choice(values, (2000, len(values)))
    return np.quantile(np.median(draws, axis=1), [0.025, 0.975]).tolist()


def cifar_like(path: str | None, n_samples: int | None) -> tuple[str, TrainingData]:
    """Return CIFAR-10 from a Parquet file, or random pictures of its shape, and which it is."""
    if path is not None:
        config = RunConfig(dataset="parquet", data=path, test_fraction=0.0, train_samples=n_samples)
        return "CIFAR-10", load_data(config)
    n = n_samples or 50_000
    rng = np.random.default_rng(0)
    label = rng.integers(0, 10, n)
    images = rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
    source = [str(row) for row in range(n)]
    names = [str(label) for label in range(10)]
    half = (0.5, 0.5, 0.5)
    noise = {"name": "none", "rate": 0.0}
    data = TrainingData(
        images, label, label, source, names, noise, None, None, "crop_flip", half, half
    )
    return "random 32x32 pictures", data


# The logger alone. Each measurement is a process of its own, so that its memory is its own.


def feed(tool: str, n_samples: int, n_epochs: int, watch_memory: bool) -> Row:
    """Feed `n_epochs` of random logits to a logger; return its costs, the logits' making excluded.

    All in microseconds a sample: `record_us` is what the training thread waits in its steps,
    `end_us` what it waits at the ends of epochs when the epoch before is on disk already,
    `behind_us` what it waits for that here, where no training stands between two epochs, and
    `disk_us` what all takes until it is on disk (for `aum`, which writes at the end of the
    training only, until its table is written). `memory_mb` is the most memory that was resident
    above what was before; watching it costs time, so such a call times nothing.
    """
    rng = torch.Generator().manual_seed(0)
    label = torch.randint(0, 10, (n_samples,), generator=rng)
    logits = torch.randn(n_samples, 10, generator=rng)
    batches = torch.randperm(n_samples, generator=rng).split(128)
    spent = dict.fromkeys(("record_us", "end_us", "behind_us", "disk_us"), 0.0)
    with tempfile.TemporaryDirectory() as folder, MemoryWatch(watch_memory) as memory:
        logger = LOGGERS[tool](folder, label, n_epochs)
        started = time.perf_counter()
        for epoch in range(1, n_epochs + 1):
            for rows in batches:
                batch, targets = logits[rows], label[rows]
                start = time.perf_counter()
                logger.update(rows, batch, targets)
                spent["record_us"] += time.perf_counter() - start
            start = time.perf_counter()
            logger.wait()
            waited = time.perf_counter()
            logger.end_epoch(epoch)
            spent["behind_us"] += waited - start
            spent["end_us"] += time.perf_counter() - waited
        logger.finish()
        spent["disk_us"] = time.perf_counter() - started
    per_sample = 1e6 / (n_samples * n_epochs)
    costs = {name: seconds * per_sample for name, seconds in spent.items()}
    return {"tool": tool, "epochs": n_epochs} | (
        {"memory_mb": memory.most_mb} if watch_memory else costs
    )


class MemoryWatch:
    """Looks every few milliseconds how much memory this process has resident."""

    def __init__(self, on: bool) -> None:
        self.most_mb = 0.0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch) if on else None

    def watch(self) -> None:
        before = resident_gib(os.getpid())
        while not self.ended.wait(0.003):
            more = resident_gib(os.getpid()) - before
            self.most_mb = max(self.most_mb, more * 2**30 / 1e6)

    def __enter__(self) -> "MemoryWatch":
        if self.thread is not None:
            self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        if self.thread is not None:
            self.thread.join()


class Logger(NamedTuple):
    """What a training calls of a logger."""

    update: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], object]
    wait: Callable[[], object]
    end_epoch: Callable[[int], object]
    finish: Callable[[], object]


def our_logger(folder: str, label: torch.Tensor, n_epochs: int) -> Logger:
    """Return RunWriter, given the logits alone as `aum` is."""
    writer = RunWriter.create(
        Path(folder) / "run", given_label=label.numpy(), n_classes=10, n_epochs=n_epochs
    )

    def update(rows: torch.Tensor, logits: torch.Tensor, _targets: torch.Tensor) -> None:
        writer.record(rows, logits)

    return Logger(update, writer.flush, writer.end_epoch, writer.finish)


def aum_logger(folder: str, label: torch.Tensor, n_epochs: int) -> Logger:
    """Return the aum package in its default, compressed mode."""
    from aum import AUMCalculator

    calculator = AUMCalculator(folder)

    def update(rows: torch.Tensor, logits: torch.Tensor, targets: torch.Tensor) -> None:
        calculator.update(logits, targets, rows.tolist())

    return Logger(update, lambda: None, lambda epoch: None, calculator.finalize)


LOGGERS = {"ours": our_logger, "aum": aum_logger}
LOGGER_COLUMNS = ("record_us", "end_us", "behind_us", "disk_us", "memory_mb")


def measure_loggers(n_samples: int, epochs: Sequence[int], repeats: int) -> list[Row]:
    """Return the costs of both loggers for two lengths of training, in turns."""
    rows = []
    for _ in range(repeats):
        for n_epochs in epochs:
            for tool in LOGGERS:
                sizes = ("--logger-samples", n_samples, "--epochs", n_epochs)
                found: Row = {}
                for switch in ((), ("--memory",)):
                    found |= in_own_process("overhead", "--feed", tool, *switch, *sizes)
                rows.append(found)
    return rows


def summarize_loggers(rows: list[Row]) -> list[Row]:
    """Return the medians of each tool and length."""
    table = []
    for tool, n_epochs in sorted({(row["tool"], row["epochs"]) for row in rows}):
        mine = [row for row in rows if (row["tool"], row["epochs"]) == (tool, n_epochs)]
        median = {c: float(np.median([row[c] for row in mine])) for c in LOGGER_COLUMNS}
        table.append({"tool": tool, "epochs": n_epochs, **median, "repeats": len(mine)})
    return table


def times_less(rows: list[Row], n_epochs: int, *columns: str) -> str:
    """Return how many times more `aum` takes in these columns: median and range of the repeats."""
    ours, aum = (
        np.array([
            sum(row[column] for column in columns)
            for row in rows
            if (row["tool"], row["epochs"]) == (tool, n_epochs)
        ])
        for tool in LOGGERS
    )  # fmt: skip
    ratio = aum / ours
    return spread(ratio, 1)


def print_training(rows: list[Row]) -> None:
    """Print the table of the training arms."""
    print(f"{'case':44} {'device':22} {'plain s':>9} {'more ms':>9}  ratio [95 %]")
    for row in rows:
        low, high = row["ratio_interval"]
        print(
            f"{row['case']:44} {row['device']:22} {row['plain_s']:9.3f} {row['more_ms']:9.1f}  "
            f"{row['ratio']:.3f} [{low:.3f}, {high:.3f}]"
        )


def print_loggers(rows: list[Row], table: list[Row]) -> None:
    """Print the table of the loggers, and the ratios."""
    print(f"\n{'logger':8} {'epochs':>6} " + " ".join(f"{c:>10}" for c in LOGGER_COLUMNS))
    for row in table:
        values = " ".join(f"{row[c]:10.2f}" for c in LOGGER_COLUMNS)
        print(f"{row['tool']:8} {row['epochs']:6} {values}")
    for n_epochs in sorted({row["epochs"] for row in table}):
        print(
            f"{n_epochs} epochs: aum takes "
            f"{times_less(rows, n_epochs, 'record_us')} times ours in the steps, "
            f"{times_less(rows, n_epochs, 'record_us', 'end_us')} with the ends of epochs, "
            f"{times_less(rows, n_epochs, 'disk_us')} until all is on disk"
        )


def main() -> None:
    """Measure, print the tables, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="Parquet file of CIFAR-10; default: random pictures")
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--repeats", type=int, default=10, help="pairs of blocks a case")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it works")
    parser.add_argument("--samples", type=int, help="CIFAR samples of the training cases")
    parser.add_argument("--logger-samples", type=int, default=50_000)
    parser.add_argument("--feed", choices=LOGGERS, help=argparse.SUPPRESS)
    parser.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--epochs", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.feed:
        costs = feed(options.feed, options.logger_samples, options.epochs, options.memory)
        print(json.dumps(costs))
        return
    repeats = 2 if options.quick else options.repeats
    n_samples = 512 if options.quick else options.samples
    digits = load_data(RunConfig(noise="symmetric", noise_rate=0.5, test_fraction=0.2))
    kind, cifar = cifar_like(options.data, n_samples)
    cpu = {"device": "cpu"}
    cases = [("digits, small CNN", digits, cpu, 5 * repeats, 5, False)]
    cases.append(("  with evaluation and checkpoint", digits, cpu, 5 * repeats, 5, True))
    cases.append((f"{kind}, small CNN", cifar, cpu, repeats, 1, False))
    if torch.cuda.is_available():
        gpu = {"device": "cuda", "network": "preact_resnet18"}
        cases.append((f"{kind}, PreAct ResNet-18", cifar, gpu, repeats, 2, False))
    rows = []
    for case in cases:
        rows.append(measure_training(*case))
        print_training(rows[-1:])
    lengths = (2, 3) if options.quick else (5, 20)
    n_logged = 512 if options.quick else options.logger_samples
    loggers = measure_loggers(n_logged, lengths, 2 if options.quick else 5)
    table = summarize_loggers(loggers)
    print_loggers(loggers, table)
    if options.json is not None:
        threads = torch.get_num_threads()
        found = {"threads": threads, "training": rows, "loggers": table, "logger_rows": loggers}
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
