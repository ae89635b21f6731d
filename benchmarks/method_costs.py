"""What an epoch of every method costs: time beside plain CE and its prediction, and memory.

    python -m benchmarks.method_costs                        # digits
    python -m benchmarks.method_costs --data FOLDER          # pictures of CIFAR-10
    python -m benchmarks.method_costs --data FOLDER --plain  # against loops as usually written

Predicted are passes of networks over the training set (`training.sweeps.named.COSTS`); of methods
that label a part, from the parts that they labelled. Asked: at most 1.25 times that, and DivideMix
and UNICON twice as fast as plain PyTorch loops. Predicted of the latter before the first run: they
are not, on a CPU: there the networks take ten times as long as the pictures, and what can be saved
is the pictures' part.
"""

import argparse
import gc
import json
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console

from benchmarks.common import in_own_process, machine, peak_gib
from benchmarks.plain_loops import LOOPS
from benchmarks.which_criterion import as_table
from hmw_core.catalogue import Argument
from training.config import RunConfig
from training.data.prepare import TrainingData, load_data
from training.loop import Training
from training.methods import METHODS
from training.methods.split_by_loss import SplitByLoss
from training.methods.unicon import UNICON
from training.recipes import recipe_fields
from training.sweeps.grid import Fields
from training.sweeps.named import COSTS, WORSE_LABEL_RATE

BASE = "CCE"
N_PICTURES, N_EPOCHS = 1_000, 6  # of a timed training
MOST = 1.25  # times the predicted cost

WARM_UP = 2  # epochs of warm-up, where a method's own is not scaled to the run


def main() -> None:
    """Time and print; with `--one` print one method's memory for `in_own_process`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of cifar10_train.parquet")
    parser.add_argument("--repeats", type=int, default=3, help="timings of each method")
    parser.add_argument("--recipes", nargs="*", default=list(COSTS))
    parser.add_argument("--plain", action="store_true", help="DivideMix and UNICON against loops")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(memory_of(options.one, options.data)))
    elif options.plain:
        print("\n\n".join(plain_part(options.data, options.repeats, Console())))
    else:
        print("\n\n".join(cost_part(options.data, options.repeats, Console(), options.recipes)))


def cost_part(
    data: Path | None, repeats: int, console: Console, recipes: Sequence[str] = tuple(COSTS)
) -> list[str]:
    """Return the section on what an epoch costs."""
    recipes = list(dict.fromkeys([BASE, *recipes]))
    found: dict[str, list[float]] = {}
    predicted: dict[str, list[float]] = {}
    loaded = load_data(timed_config(BASE, data))  # the same for all
    for repeat in range(repeats):
        for recipe in recipes:  # in turn: what else the machine does meets all alike
            seconds, passes = timed(timed_config(recipe, data), loaded, COSTS[recipe])
            found.setdefault(recipe, []).append(seconds)
            predicted.setdefault(recipe, []).append(passes)
        console.print(f"timed {repeat + 1} of {repeats}", highlight=False)
    memory = {recipe: in_own_process(*_one(recipe, data)) for recipe in recipes}
    rows = []
    for recipe, seconds in found.items():
        ratios = [s / base for s, base in zip(seconds, found[BASE], strict=True)]
        ratio, passes = statistics.median(ratios), statistics.median(predicted[recipe])
        rows.append(
            {
                "recipe": recipe,
                "times CCE": f"{ratio:.2f} [{min(ratios):.2f}, {max(ratios):.2f}]",
                "predicted": f"{passes:.2f}",
                "of the predicted": f"{ratio / passes:.2f}",
                f"within {MOST}": "yes" if ratio <= MOST * passes else "no",
                "peak memory, MiB": f"{memory[recipe]:.0f}",
            }
        )
    pictures = f"{N_PICTURES:,} pictures of CIFAR-10" if data is not None else "digits"
    return [
        "## What an epoch costs",
        f"Training alone, mean over the {N_EPOCHS} epochs of a training with all its stages, "
        f"{pictures}, small_cnn, one thread; the methods in turn, {repeats} times; median and "
        "range of the ratio to plain cross entropy in the same turn. Predicted are passes of "
        "networks over the training set, see `COSTS` in `training/sweeps/named.py`; of DivideMix, "
        "UNICON and InstanceGM from the parts that they labelled, epoch by epoch. Peak memory is "
        f"that of a process that trains {N_EPOCHS} epochs, torch and the data included "
        f"({machine()}).",
        as_table(pd.DataFrame(rows)),
    ]


def timed_config(recipe: str, data: Path | None) -> RunConfig:
    """Return what a timed training is trained with: digits, or some pictures of CIFAR-10N."""
    about: Fields = {"dataset": "digits", "noise": "symmetric", "noise_rate": 0.4}
    if data is not None:
        about = {
            "dataset": "parquet",
            "data": str(data / "cifar10_train.parquet"),
            "noise": "human",
            "noise_column": "worse_label",
            "test_fraction": 0.0,
            "train_samples": N_PICTURES,
        }
    fields = recipe_fields(recipe, about["dataset"], about["noise"], about.get("noise_rate", 0.0))
    fields |= about | {"epochs": N_EPOCHS, "threads": 1, "device": "cpu"}
    known = {a.name: a for a in METHODS[fields.get("method", "standard")].arguments}
    told = {}
    if "noise_rate" in known:
        told["noise_rate"] = about.get("noise_rate", WORSE_LABEL_RATE)
    warm_up = known.get("warmup_epochs")
    if isinstance(warm_up, Argument) and not warm_up.of_epochs:  # it is not scaled to the run
        told["warmup_epochs"] = WARM_UP
    fields["method_args"] = fields.get("method_args", {}) | told
    fields["warmup_epochs"] = min(fields.get("warmup_epochs", 0), WARM_UP)
    return RunConfig(**fields)


def timed(config: RunConfig, loaded: TrainingData, cost: float) -> tuple[float, float]:
    """Return the mean seconds of an epoch, and the passes predicted of it, over a training."""
    training = Training(config, loaded)
    gc.collect()
    passes, seconds = 0.0, 0.0
    for epoch in range(1, N_EPOCHS + 1):
        passes += predicted_passes(training, epoch, cost)
        start = time.perf_counter()
        training.train_epoch(epoch, lambda *_: None)
        seconds += time.perf_counter() - start
    return seconds / N_EPOCHS, passes / N_EPOCHS


def predicted_passes(training: Training, epoch: int, cost: float) -> float:
    """Return the passes of networks that an epoch takes, a forward pass alone being a third."""
    method, n = training.method, len(training.trained_label)
    if method.config.method == "d2l":
        return cost + min(1_280, n) / (3 * n)  # forward passes an epoch, whatever the data's size
    if not isinstance(method, SplitByLoss | UNICON):
        return cost
    # Of InstanceGM's autoencoders, which are trained in every epoch.
    extra = 0.0 if isinstance(method, UNICON) else cost - COSTS["DivideMix"]
    if epoch <= method.args["warmup_epochs"]:
        return 2 + 2 / 3 + extra
    if isinstance(method, UNICON):
        share = int(method.n_labelled) / n
        return (16 * share + 20) / 3
    labelled = float((method.posterior > method.args["p_threshold"]).float().mean())
    return 12 * labelled + 2 / 3 + extra


def _one(recipe: str, data: Path | None) -> tuple[object, ...]:
    return ("method_costs", "--one", recipe, *(() if data is None else ("--data", data)))


def memory_of(recipe: str, data: Path | None) -> float:
    """Return the largest memory of this process after a training, MiB."""
    config = timed_config(recipe, data)
    training = Training(config, load_data(config))
    for epoch in range(1, N_EPOCHS + 1):
        training.train_epoch(epoch, lambda *_: None)
    # Not `ru_maxrss`: a process inherits that of the one that started it.
    return 1024 * peak_gib(os.getpid())


def plain_part(data: Path, repeats: int, console: Console) -> list[str]:
    """Return the section on DivideMix and UNICON against plain PyTorch loops."""
    rows = []
    for recipe, loop in LOOPS.items():
        config = timed_config(recipe, data)
        loaded = load_data(config)
        ours, plain = [], []
        for _ in range(repeats):
            training = Training(config, loaded)
            for epoch in range(1, WARM_UP + 1):
                training.train_epoch(epoch, lambda *_: None)
            other = loop(training, loaded)  # with this training's networks and this split
            start = time.perf_counter()
            other.epoch()
            plain.append(time.perf_counter() - start)
            start = time.perf_counter()
            training.train_epoch(WARM_UP + 1, lambda *_: None)
            ours.append(time.perf_counter() - start)
            console.print(f"{recipe}: {ours[-1]:.1f} s, plain {plain[-1]:.1f} s", highlight=False)
        ratios = [p / o for p, o in zip(plain, ours, strict=True)]
        rows.append(
            {
                "recipe": recipe,
                "ours, s an epoch": f"{statistics.median(ours):.2f}",
                "plain loop, s": f"{statistics.median(plain):.2f}",
                "ours is faster by": f"{statistics.median(ratios):.2f} "
                f"[{min(ratios):.2f}, {max(ratios):.2f}]",
            }
        )
    return [
        "## Against plain loops",
        f"The first semi-supervised epoch of both networks, {N_PICTURES:,} pictures of CIFAR-10, "
        "small_cnn, one thread, the same networks, split, batches and views; the plain loops have "
        "a Dataset with PIL transforms that makes all views of a picture, a DataLoader of four "
        f"workers for each part ({machine()}, {repeats} times).",
        as_table(pd.DataFrame(rows)),
    ]


if __name__ == "__main__":
    main()
