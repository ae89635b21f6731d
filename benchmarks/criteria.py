"""How long every criterion of a run takes and what it holds in memory, beside `aum` and cleanlab.

On 50,000 samples x 10 classes x 250 epochs and on 50,000 x 100 x 100, of simulated numbers. Each
measurement is a process of its own on a folder that links to the run's files, so that nothing kept
before helps and nothing of the run is touched; the start of Python and of our modules is not
counted, what a criterion imports when it is first asked for is.

Asked for: all criteria within 30 s and 4 GiB on two cores, within 2 minutes with 100 classes.
Predicted before the first whole measurement (parts had been timed on 30 epochs of a busy machine):
20 s and 1 GiB with 10 classes, half of it the search of neighbours; 45 s and 2 GiB with 100; a
second call 0.2 s; the aum package, fed from memory, 50 times as long as our AUM with its reading;
cleanlab called directly as long as through us. Results: `docs/benchmarks.md`.

    python -m benchmarks.criteria                 # writes both runs to a temporary folder first
    python -m benchmarks.criteria RUN [RUN ...]   # measures these runs
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import in_own_process, machine, peak_gib, seconds, size_of, spread
from benchmarks.make_run import write_run
from hmw_core import RunReader
from hmw_core.criteria import CRITERIA
from hmw_core.criteria.compute import compute_scores, parts_read, without_absent
from hmw_core.criteria.criterion import Criterion
from hmw_core.criteria.kept import score_table

SIZES = {"10 classes": (50_000, 10, 250), "100 classes": (50_000, 100, 100)}
ALLOWED = {10: 30.0, 100: 120.0}  # s for all criteria, by the number of classes
ALLOWED_GIB = 4.0
WHOLE = ("cleanlab", "neighbours", "ensemble")  # families that are more than a sum over epochs
QUALITY = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")


def group_of(criterion: Criterion) -> str:
    """Return the group whose cost is measured together."""
    if criterion.family in WHOLE:
        return criterion.family
    return "outputs" if "outputs" in parts_read(criterion) else "signals only"


def groups(run: RunReader) -> dict[str, list[str]]:
    """Return the names of a run's criteria by group, then all of them."""
    found: dict[str, list[str]] = {}
    there = without_absent(CRITERIA, run)
    for name, criterion in there.items():
        found.setdefault(group_of(criterion), []).append(name)
    return {**found, "all": list(there)}


def measure_group(folder: Path, group: str) -> dict[str, float]:
    """Time the scores of a group from the log, then those that were kept."""
    names = groups(RunReader(folder))[group]
    before = time.process_time()
    first = seconds(lambda: score_table(RunReader(folder), names))
    return {
        "seconds": first,
        "processor": time.process_time() - before,
        "again": seconds(lambda: score_table(RunReader(folder), names)),
        "gib": peak_gib(os.getpid()),
    }


def measure_aum(folder: Path, n_epochs: int) -> dict[str, float]:
    """Time AUM over some epochs: ours from the log, the package fed the same logits from memory."""
    import torch
    from aum import AUMCalculator

    run = RunReader(folder)
    aum = {"aum": CRITERIA["aum"]}
    compute_scores(run, aum, 1)
    ours = seconds(lambda: compute_scores(RunReader(folder), aum, n_epochs))
    ids = run.sample_ids()
    targets = torch.from_numpy(run.samples()["given_label"].to_numpy()[ids])
    known = ids.tolist()
    theirs = 0.0
    with tempfile.TemporaryDirectory() as temporary:
        calculator = AUMCalculator(temporary)
        for epoch in range(1, n_epochs + 1):
            logits = torch.from_numpy(run.epoch_columns(epoch, ["logits"])["logits"])
            theirs += seconds(
                lambda logits=logits: calculator.update(logits, targets, known)  # type: ignore[misc]
            )
        found = np.array([calculator.sums[i] / calculator.counts[i] for i in range(run.n_samples)])
    # The package was fed the kept float16, ours reads the float32 margin.
    score = compute_scores(run, aum, n_epochs)["aum"]
    assert np.allclose(found, score, atol=0.02), "not the same numbers"
    return {"ours": ours, "theirs": theirs}


def measure_cleanlab(folder: Path) -> dict[str, float]:
    """Time cleanlab's four scores of the last epoch: ours, and by hand from logits in memory."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    run = RunReader(folder)
    compute_scores(run, {"aum": CRITERIA["aum"]}, 1)
    criteria = {name: CRITERIA[name] for name in (*QUALITY, "confident_learning")}
    ours = seconds(lambda: compute_scores(RunReader(folder), criteria))
    logits = run.epoch_columns(run.last_epoch, ["logits"])["logits"].astype(np.float64)
    label = run.samples()["given_label"].to_numpy()[run.sample_ids()]

    def by_hand() -> None:
        exps = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = exps / exps.sum(axis=1, keepdims=True)
        for method in QUALITY:
            get_label_quality_scores(label, probabilities, method=method)
        find_label_issues(label, probabilities)

    return {"ours": ours, "theirs": seconds(by_hand)}


def fresh(folder: Path, what: str, n_epochs: int) -> dict[str, float]:
    """Measure in a process of its own, on a folder of links without anything kept."""
    with tempfile.TemporaryDirectory() as temporary:
        linked = Path(temporary) / "run"
        linked.mkdir()
        for path in folder.resolve().iterdir():
            if path.name not in ("cache", "scores", ".lock"):
                (linked / path.name).symlink_to(path)
        return in_own_process("criteria", linked, "--measure", what, "--compare-epochs", n_epochs)


def measure_run(folder: Path, repeats: int, n_epochs: int) -> dict[str, Any]:
    """Measure all groups and both packages in turns; print the table."""
    run = RunReader(folder)
    by_group = groups(run)
    n_epochs = min(n_epochs, run.last_epoch)
    size = size_of(run)
    print(f"{size}, {machine()}", flush=True)
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(repeats):
        for what in (*by_group, "aum package", "cleanlab package"):
            found.setdefault(what, []).append(fresh(folder, what, n_epochs))
    head = f"{'s, median [range]':>20} {'processor s':>20} {'kept, s':>18} {'GiB':>5} {'10^6/s':>7}"
    print(f"{'group':13} {'criteria':>8} {head}  (samples x epochs)")
    for group, names in by_group.items():
        rows = found[group]
        times = [row["seconds"] for row in rows]
        rate = run.n_samples * run.last_epoch / statistics.median(times) / 1e6
        reads_all = group != "neighbours"
        print(
            f"{group:13} {len(names):8} {spread(times, 1):>20} "
            f"{spread([row['processor'] for row in rows], 1):>20} "
            f"{spread([row['again'] for row in rows], 2):>18} "
            f"{max(row['gib'] for row in rows):5.2f} {f'{rate:.2f}' if reads_all else '':>7}"
        )
    limit, took = ALLOWED.get(run.n_classes), [row["seconds"] for row in found["all"]]
    most = max(row["gib"] for row in found["all"])
    if limit is not None:
        held = statistics.median(took) <= limit and most <= ALLOWED_GIB
        print(f"asked for: {limit:.0f} s and {ALLOWED_GIB:.0f} GiB: {'held' if held else 'MISSED'}")
    for what in ("aum package", "cleanlab package"):
        ours, theirs = ([row[side] for row in found[what]] for side in ("ours", "theirs"))
        ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
        over = f"{n_epochs} epochs" if what == "aum package" else "last epoch"
        print(
            f"{what}, {over}: ours {spread(ours, 2)} s, theirs {spread(theirs, 2)} s; "
            f"theirs / ours {spread(ratios, 2)}"
        )
    print(machine(), flush=True)
    return {"size": size, "criteria": by_group, "measured": found}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="*", help="run folders (default: both sizes)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--compare-epochs", type=int, default=25, help="epochs fed to aum")
    parser.add_argument("--json", type=Path, help="also write every number here")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        folder = arguments.runs[0]
        if arguments.measure == "aum package":
            found = measure_aum(folder, arguments.compare_epochs)
        elif arguments.measure == "cleanlab package":
            found = measure_cleanlab(folder)
        else:
            found = measure_group(folder, arguments.measure)
        print(json.dumps(found))
        return
    with tempfile.TemporaryDirectory() as temporary:
        runs = arguments.runs
        if not runs:
            runs = [Path(temporary) / str(size[1]) / "run" for size in SIZES.values()]
            for folder, size in zip(runs, SIZES.values(), strict=True):
                write_run(folder, *size)
        results = [measure_run(f, arguments.repeats, arguments.compare_epochs) for f in runs]
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
