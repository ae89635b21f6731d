"""What HM weights and the full log cost a training, and the logger alone beside `aum`.

Predicted before the first measurement: an epoch with HM weights and the full log takes at most 5 %
more than plain cross entropy without any log (digits and CIFAR-10 with the small CNN on the CPU,
PreAct ResNet-18 on a GPU); the logger costs the training thread at least 20 times less a sample
than `aum` fed the same logits; and its memory does not grow with the epochs. What was seen stands
in `docs/benchmarks.md`.

    python -m benchmarks.overhead --data CIFAR10.parquet --json overhead.json
    python -m benchmarks.overhead --quick             # only to see that it works

An epoch is the training pass: same network, same batches, same augmentation in both arms. Neither
evaluates or keeps a checkpoint. The plain arm is a bare loop; the other one is `training`'s own
step and `RunWriter`. Both run in blocks of several epochs, in turns and in turned order, in this
process; a block ends when its last epoch is on disk, so that no arm pays for the other's writing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from hmw_core.store import RunWriter
from training import devices
from training.config import RunConfig
from training.data import TrainingData, load_data
from training.loop import Training

Row = dict[str, object]


def synced_time(device: torch.device) -> float:
    """Return the time in seconds once the device has done what it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


class PlainArm:
    """Cross entropy without weight and log."""

    def __init__(self, training: Training) -> None:
        self.training = training
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
        for batch in self.training.train_batches(self.epoch):
            with devices.autocast(self.training.device):
                out = method.network(batch.images)
            loss = F.cross_entropy(out.logits.float(), batch.given_label)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            loss_sum.add_(loss.detach())
        loss_sum.item()


class LoggedArm(PlainArm):
    """HM weights and the full log."""

    def __init__(self, training: Training, writer: RunWriter) -> None:
        super().__init__(training)
        self.writer = writer

    def block(self, n_epochs: int) -> float:
        """Return the seconds that `n_epochs` take until the last is on disk."""
        started = synced_time(self.training.device)
        super().block(n_epochs)
        self.writer.flush()
        return time.perf_counter() - started

    def train_epoch(self) -> None:
        """Train and log one epoch as `training.loop` does."""
        loss_sum = torch.zeros((), device=self.training.device)

        def record(batch, step) -> None:
            loss_sum.add_(step.loss.sum())
            self.writer.record(
                batch.sample_id, step.logits, cosine=step.cosine, loss=step.loss, weight=step.weight
            )

        batches = self.training.train_batches(self.epoch)
        self.training.method.run_epoch(self.epoch, batches, record)
        loss_sum.item()
        self.writer.end_epoch(self.epoch)


def measure_training(name: str, data: TrainingData, fields: Row, repeats: int, block: int) -> Row:
    """Return the seconds an epoch of both arms and the ratio of each pair of blocks."""
    with tempfile.TemporaryDirectory() as folder:
        n_epochs = (repeats + 1) * block
        config = RunConfig(epochs=n_epochs, runs=folder, run="logged", **fields)
        plain = PlainArm(Training(RunConfig(epochs=n_epochs, **fields), data))
        weighted = RunConfig(**config.as_json() | {"weighting": "hmw"})
        training = Training(weighted, data)
        logged = LoggedArm(training, training.new_log())
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


# The logger alone. Each measurement is a process of its own, so that its peak memory is its own.


def feed(tool: str, n_samples: int, n_epochs: int, batch_size: int = 128) -> Row:
    """Feed `n_epochs` of random logits to a logger; return its costs, the logits' making excluded.

    `record_us` is what the training thread waits for a sample while it trains; `end_us` what it
    waits at the ends of epochs; `disk_us` what all takes until it is on disk (for `aum`, which
    writes at the end of the training only, until its table is written).
    """
    rng = torch.Generator().manual_seed(0)
    label = torch.randint(0, 10, (n_samples,), generator=rng)
    logits = torch.randn(n_samples, 10, generator=rng)
    order = torch.randperm(n_samples, generator=rng)
    record_s = end_s = 0.0
    with tempfile.TemporaryDirectory() as folder:
        update, end_epoch, finish = LOGGERS[tool](folder, label, n_epochs)
        before = peak_memory_mb()
        started = time.perf_counter()
        for epoch in range(1, n_epochs + 1):
            for rows in order.split(batch_size):
                batch, targets = logits[rows], label[rows]
                start = time.perf_counter()
                update(rows, batch, targets)
                record_s += time.perf_counter() - start
            start = time.perf_counter()
            end_epoch(epoch)
            end_s += time.perf_counter() - start
        finish()
        total_s = time.perf_counter() - started
    per_sample = 1e6 / (n_samples * n_epochs)
    return {
        "tool": tool,
        "epochs": n_epochs,
        "record_us": record_s * per_sample,
        "end_us": end_s * per_sample,
        "disk_us": total_s * per_sample,
        "memory_mb": peak_memory_mb() - before,
    }


def our_logger(folder: str, label: torch.Tensor, n_epochs: int) -> tuple[Callable, ...]:
    """Return RunWriter's update, end of epoch and end, on the logits alone as `aum` has them."""
    writer = RunWriter.create(
        Path(folder) / "run", given_label=label.numpy(), n_classes=10, n_epochs=n_epochs
    )

    def update(rows: torch.Tensor, logits: torch.Tensor, _targets: torch.Tensor) -> None:
        writer.record(rows, logits)

    return update, writer.end_epoch, writer.finish


def aum_logger(folder: str, label: torch.Tensor, n_epochs: int) -> tuple[Callable, ...]:
    """Return the same of the aum package, in its default, compressed mode."""
    from aum import AUMCalculator

    calculator = AUMCalculator(folder)

    def update(rows: torch.Tensor, logits: torch.Tensor, targets: torch.Tensor) -> None:
        calculator.update(logits, targets, rows.tolist())

    return update, lambda epoch: None, calculator.finalize


LOGGERS = {"ours": our_logger, "aum": aum_logger}


def peak_memory_mb() -> float:
    """Return the most memory this process has had resident so far, in MB."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def measure_loggers(n_samples: int, epochs: tuple[int, int], repeats: int) -> list[Row]:
    """Return the costs of both loggers for two lengths of training, in turns."""
    rows = []
    for _ in range(repeats):
        for n_epochs in epochs:
            for tool in LOGGERS:
                command = [sys.executable, __file__, "--feed", tool]
                command += ["--logger-samples", str(n_samples), "--epochs", str(n_epochs)]
                root = str(Path(__file__).parents[1])
                environment = os.environ | {"PYTHONPATH": root}
                done = subprocess.run(
                    command, env=environment, capture_output=True, text=True, check=True
                )
                rows.append(json.loads(done.stdout.splitlines()[-1]))
    return rows


def summarize_loggers(rows: list[Row]) -> list[Row]:
    """Return the medians of each tool and length, and how many times `aum` costs more."""
    table = []
    for tool, n_epochs in sorted({(row["tool"], row["epochs"]) for row in rows}):
        mine = [row for row in rows if (row["tool"], row["epochs"]) == (tool, n_epochs)]
        median = {
            column: float(np.median([row[column] for row in mine]))
            for column in ("record_us", "end_us", "disk_us", "memory_mb")
        }
        table.append({"tool": tool, "epochs": n_epochs, **median, "repeats": len(mine)})
    return table


def print_training(rows: list[Row]) -> None:
    """Print the table of the training arms."""
    print(f"{'case':44} {'device':22} {'plain s':>9} {'logged s':>9}  ratio [95 %]")
    for row in rows:
        low, high = row["ratio_interval"]
        print(
            f"{row['case']:44} {row['device']:22} {row['plain_s']:9.3f} {row['logged_s']:9.3f}  "
            f"{row['ratio']:.3f} [{low:.3f}, {high:.3f}]"
        )


def print_loggers(table: list[Row]) -> None:
    """Print the table of the loggers, and the ratios."""
    columns = ("record_us", "end_us", "disk_us", "memory_mb")
    print(f"\n{'logger':8} {'epochs':>6} " + " ".join(f"{c:>10}" for c in columns))
    for row in table:
        values = " ".join(f"{row[c]:10.2f}" for c in columns)
        print(f"{row['tool']:8} {row['epochs']:6} {values}")
    for n_epochs in sorted({row["epochs"] for row in table}):
        ours, aum = (
            next(r for r in table if (r["tool"], r["epochs"]) == (tool, n_epochs))
            for tool in LOGGERS
        )
        while_training = aum["record_us"] / ours["record_us"]
        thread = (aum["record_us"] + aum["end_us"]) / (ours["record_us"] + ours["end_us"])
        disk = aum["disk_us"] / ours["disk_us"]
        print(
            f"{n_epochs} epochs: aum costs {while_training:.1f} times ours in the step, "
            f"{thread:.1f} times with the ends of epochs, {disk:.1f} times until all is on disk"
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
    parser.add_argument("--epochs", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.feed:
        print(json.dumps(feed(options.feed, options.logger_samples, options.epochs)))
        return
    repeats = 2 if options.quick else options.repeats
    n_samples = 512 if options.quick else options.samples
    digits = load_data(RunConfig(noise="symmetric", noise_rate=0.5, test_fraction=0.2))
    kind, cifar = cifar_like(options.data, n_samples)
    cases = [("digits, small CNN", digits, {"device": "cpu"}, 5)]
    cases.append((f"{kind}, small CNN", cifar, {"device": "cpu"}, 1))
    if torch.cuda.is_available():
        gpu = {"device": "cuda", "network": "preact_resnet18"}
        cases.append((f"{kind}, PreAct ResNet-18", cifar, gpu, 2))
    rows = []
    for case in cases:
        rows.append(measure_training(*case[:3], repeats, case[3]))
        print_training(rows[-1:])
    lengths = (2, 3) if options.quick else (2, 10)
    n_logged = 512 if options.quick else options.logger_samples
    loggers = measure_loggers(n_logged, lengths, 2 if options.quick else 3)
    table = summarize_loggers(loggers)
    print_loggers(table)
    if options.json is not None:
        threads = torch.get_num_threads()
        found = {"threads": threads, "training": rows, "loggers": table, "logger_rows": loggers}
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
