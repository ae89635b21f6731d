"""How long a change of the HM weight's settings takes on a large run, beside doing it by hand.

Predicted before the first measurement: at 50,000 samples x 10 classes x 100 epochs a change of
alpha, beta, terms or annealing is answered within 0.3 s once the distances are in memory, 1 s with
all numbers of the page; the first load takes 2 s; another k, from the outputs, 5 s; DuckDB over
the same files needs at least three times as long a change, numpy over the outputs ten times. What
was seen stands in `docs/benchmarks.md`.

    python -m benchmarks.playground                     # writes the run to a temporary folder first
    python -m benchmarks.playground --runs DIR --run X  # uses DIR/X

The same weights are checked to come out of all of them.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import duckdb
import numpy as np
import pandas as pd

from benchmarks.common import machine, resident_gib, size_of, spread
from benchmarks.make_run import write_run
from dashboard.figures import FIGURES
from hmw_core import RunReader
from hmw_core.laboratory import hm_replay as playground
from hmw_core.laboratory import learning_order
from hmw_core.laboratory.hm_replay import Gaps, Settings, gaps, logged_settings, replay
from hmw_core.laboratory.weight_measures import measure
from hmw_core.log import layout
from hmw_core.margins import annealing_coefficient, hyperspherical_slice

Result = TypeVar("Result")
FIGURES_SHOWN = ("weights", "epochs", "scales", "classes")


class Times(NamedTuple):
    """Wall times of repeats and the processor's of all threads, in seconds."""

    wall: list[float]
    cpu: list[float]


def timed(work: Callable[[], Result], repeats: int) -> tuple[Result, Times]:
    """Return the last result and the times of all."""
    wall, cpu = [], []
    for _ in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        result = work()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
    return result, Times(wall, cpu)


def say(what: str, times: Times) -> None:
    """Print median and range of the wall times, and the median of the processor's."""
    print(f"  {what:40} {spread(times.wall)} s  cpu {statistics.median(times.cpu):.3f} s")


def with_duckdb(run: RunReader, settings: Settings) -> np.ndarray:
    """Return the weights by one SQL statement over the signal files, in the order of ids."""
    files = [str(layout.epoch_file(run.folder, "signals", e)) for e in run.epochs()]
    coefficient = f"exp(1 + cos(pi() * (epoch - 1 + {settings.annealing_start}) / {run.n_epochs}))"
    query = f"""
        SELECT sample_id, sum({coefficient} * 0.5 * (
            1 / (1 + exp({settings.alpha} * (given_distance - other_distance)))
            + exp({settings.beta} * (other_distance - topk_distance)))) / sum({coefficient}) AS w
        FROM read_parquet($files) GROUP BY sample_id ORDER BY sample_id"""
    with duckdb.connect() as connection:
        return connection.execute(query, {"files": files}).df()["w"].to_numpy()


def with_outputs(run: RunReader, settings: Settings) -> np.ndarray:
    """Return the weights from the logged cosines and `margins.py`, in the order of ids."""
    given = run.samples()["given_label"].to_numpy()
    total, mass = np.zeros(run.n_samples), 0.0
    for epoch in run.epochs():
        cosine = np.stack(run.outputs(["cosine"], epochs=[epoch])["cosine"].to_list())
        slices = hyperspherical_slice(cosine, given, settings.alpha, settings.beta, settings.k)
        coefficient = float(annealing_coefficient(epoch, run.n_epochs, settings.annealing_start))
        total += coefficient * slices
        mass += coefficient
    return total / mass


def forget() -> None:
    """Drop what is kept in memory, so that a call works from the files."""
    for kept in (playground.gaps, playground._replay, playground._over_scales):
        kept.cache_clear()


def change(run: RunReader, settings: Settings) -> np.ndarray:
    """Return the weights of new settings, distances in memory, nothing of this setting kept."""
    playground._replay.cache_clear()
    return replay(run, settings).weight


def page_numbers(run: RunReader, settings: Settings) -> None:
    """Compute what the page shows after a change: weights, measures, and its four figures."""
    playground._replay.cache_clear()
    playground._over_scales.cache_clear()
    found = replay(run, settings)
    rows = run.samples().loc[found.sample_id]
    measure(found.weight, rows["is_mislabeled"], rows["given_label"].to_numpy())
    for name in FIGURES_SHOWN:
        figure = FIGURES[f"playground_{name}"]
        figure.draw(figure.prepare(run, settings=settings))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, help="folder of the run (default: a temporary one)")
    parser.add_argument("--run", default="bigrun", help="its name; written there if missing")
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.runs or Path(temporary)) / arguments.run
        if not folder.exists():
            write_run(folder, arguments.samples, arguments.classes, arguments.epochs)
        measure_run(RunReader(folder), arguments.repeats)


def measure_run(run: RunReader, repeats: int) -> None:
    """Print all times of a run."""
    print(f"{size_of(run)}, {machine()}")
    own = logged_settings(run)
    other = replace(own, alpha=37.0, beta=11.0)

    def load() -> Gaps:
        forget()
        return gaps(run, own.k)

    found, times = timed(load, min(repeats, 3))
    say("first load: distances into memory", times)
    held = (found.margin.nbytes + found.under.nbytes) / 2**20
    weight, ours = timed(lambda: change(run, other), repeats)
    say("a change of alpha and beta: weights", ours)
    for what, settings in (
        ("terms", replace(other, terms="aum")),
        ("history", replace(other, history="uniform_mean")),
        ("annealing", replace(other, annealing_start=0)),
    ):
        say(f"a change of {what}", timed(partial(change, run, settings), repeats)[1])
    page_numbers(run, other)
    say("all numbers and figures of the page", timed(lambda: page_numbers(run, other), repeats)[1])
    by_id = pd.Series(weight, index=found.sample_id).sort_index().to_numpy()
    sql, theirs = timed(lambda: with_duckdb(run, other), min(repeats, 3))
    say("by hand: one SQL statement, DuckDB", theirs)
    np.testing.assert_allclose(by_id, sql, rtol=1e-4)
    outputs, by_hand = timed(lambda: with_outputs(run, other), 1)
    say("by hand: numpy over the outputs", by_hand)
    print(f"    its largest difference, from half precision: {np.abs(by_id - outputs).max():.1e}")
    middle = statistics.median(ours.wall)
    print(
        f"  DuckDB / ours {statistics.median(theirs.wall) / middle:.0f}, "
        f"numpy over outputs / ours {by_hand.wall[0] / middle:.0f} (distances in memory)"
    )
    if run.n_classes > 4:
        forget()
        say(
            "another k, from the outputs, once", timed(lambda: change(run, replace(own, k=3)), 1)[1]
        )
    memory = resident_gib(os.getpid())
    print(f"  held in memory: {held:.0f} MiB of distances; this process {memory:.2f} GiB")
    _, times = timed(lambda: learning_order._learning_table(run), min(repeats, 3))
    say("learning order: one pass, not kept", times)
    table = learning_order.learning_table(run)
    learning_order.medians(table, run)
    say("learning order: kept", timed(lambda: learning_order.learning_table(run), repeats)[1])
    say("onsets with intervals", timed(lambda: learning_order.onsets(table, run), repeats)[1])
    say("medians with intervals", timed(lambda: learning_order.medians(table, run), repeats)[1])


if __name__ == "__main__":
    main()
