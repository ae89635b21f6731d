"""Run folders damaged at random: what the list of runs and every question to a run make of them.

    python -m tests.fuzz_run_folders --folders 1000 --seed 0

Each folder is a golden run with one to three changes, which the seed decides. All are opened, one
after another, in one process beside a sound run. A refusal is an answer; a traceback, a folder
that takes more than 5 s, and more than 1 GiB of memory are faults, and the exit status is 1 then.
"""

import argparse
import faulthandler
import json
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dashboard.cached.kept import version
from dashboard.presenters.summary import description, notes_of, summary
from hmw_core import RunReader, list_runs
from hmw_core.criteria.kept import score_table
from hmw_core.errors import UsageError
from hmw_core.experiments.proof import list_proofs
from hmw_core.experiments.sweeps import list_sweeps
from hmw_core.feature_space.class_circle import logged_cosines
from hmw_core.feature_space.projection import cached, project
from hmw_core.log import verdicts
from hmw_core.log.schema import SIGNALS
from hmw_core.log.threshold_margins import margin_means
from hmw_core.log.verdicts import Verdict
from hmw_core.pictures.duplicates import compare_pairs, kept_pairs
from tests.conftest import write_small_proof

GOLDEN = Path(__file__).parent / "golden"
SCORED = ("iam", "last_loss", "hm_weight", "aum")
SLOW = 5.0  # seconds that one folder may take
MOST_MEMORY = 1 << 30  # bytes, of the whole process
BOMB_ROWS = 30_000_000
ODD: tuple[Any, ...] = (
    None, True, -1, 0, 0.5, 10**9, 10**400, 1e300, "", "x", "../../secret", "\ud800", "a" * 5000,
    [], {}, [[]], {"a": {"b": []}}, [None], ["x"] * 3, "\x00", "<script>", [0.1] * 10,
)  # fmt: skip
LITERALS = ("NaN", "Infinity", "-Infinity", "1e999", "9" * 5000, "[" * 100_000, '{"a":' * 2000, "")
NAMES = (b"\xff-run", b"a\nb", b"<b>run", b"-rf", "r\u202eun".encode(), b"x" * 200, b"run'; DROP")


def folders(n: int, seed: int, place: Path) -> Iterator[tuple[str, Path]]:
    """Make damaged folders, one at a time, and yield what was done to each and where it lies."""
    sound = [_sound(name, place) for name in ("format-1", "format-1-threshold")]
    for number in range(n):
        rng = np.random.default_rng([seed, number])
        golden = sound[int(rng.integers(len(sound)))]
        folder = place / "damaged" / "run"
        shutil.copytree(golden, folder)
        done = []
        for _ in range(rng.integers(1, 4)):
            change = CHANGES[rng.integers(len(CHANGES))]
            try:
                said = change(folder, rng) or ""
            except (
                OSError,
                ValueError,
                TypeError,
                LookupError,
                AttributeError,
                RecursionError,
            ) as error:
                said = (
                    f"not possible ({type(error).__name__})"  # the change before left no such file
                )
            done.append(f"{change.__name__[1:]} {said}")
        moved = next(folder.parent.iterdir(), folder)
        yield f"{number}: " + "; ".join(done), moved
        shutil.rmtree(folder.parent, ignore_errors=True)


def _sound(name: str, place: Path) -> Path:
    """Return a golden run with a verdict, and with what dashboards keep beside the log."""
    folder = Path(shutil.copytree(GOLDEN / name, place / name))
    (folder / "verdicts.jsonl").write_text(_verdict_line(folder))
    run = RunReader(folder)
    (folder / "scores").rename(folder / "set-aside")
    score_table(run, SCORED)
    (folder / "set-aside").rename(folder / "scores")
    project(run, "pca")
    compare_pairs(run)
    assert {"cache", "projections", "duplicates"} <= {path.name for path in folder.iterdir()}
    return folder


def questions(folder: Path) -> None:
    """Ask everything that a page asks, at least once; only refusals may come."""
    version(folder)
    entries = list_runs(folder.parent)
    json.dumps(
        [entry for entry in entries if isinstance(entry, tuple)], ensure_ascii=False
    ).encode()
    list_sweeps(folder.parent.parent)
    list_sweeps(folder.parent)
    for run in entries:
        if isinstance(run, RunReader):
            _shown(summary(run))  # these are on pages of other runs: not even a refusal
            _shown(notes_of(run))
            _shown(description(run))
            _ask(partial(list_proofs, run.folder))
            for network in range(1, min(run.n_networks, 2) + 1):
                _ask_all(RunReader(run.folder, network))


def _ask_all(run: RunReader) -> None:
    known = run.samples()
    [run.class_names[label] for label in known["given_label"].unique()]
    [run.class_names[label] for label in known["true_label"].dropna().unique()]
    _shown([run.damage, run.absent, run.status, [w.text for w in run.warnings]])
    assert run.metrics()["epoch"].tolist() == run.epochs()
    last = run.last_epoch
    signals = [column.name for column in SIGNALS]
    asked: list[Callable[[], Any]] = [
        lambda: _in_classes(run, run.signals([*signals, "margin"])),
        lambda: run.signals(["loss"], sample_id=0),
        lambda: run.signals(["loss"], given_label=0),
        lambda: run.epoch_columns(max(last, 1), signals, given_label=1),
        lambda: [run.epoch_columns(epoch, ["logits"]) for epoch in run.output_epochs()],
        lambda: run.outputs(["logits"], sample_id=[0, 1]),
        lambda: run.outputs(["top_label", "top_logit"]),
        lambda: logged_cosines(run, last),
        lambda: run.features(),
        lambda: run.features(sample_id=[0, 5]),
        lambda: run.method_state(),
        lambda: margin_means(run),
        lambda: verdicts.read(run),
        lambda: verdicts.append(run, [Verdict(0, "keep", int(known["given_label"][0]))]),
        lambda: run.images([0, 1]),
        lambda: run.scores(max(last, 1), 1),
        *(partial(score_table, run, [name]) for name in SCORED),
        lambda: score_table(run, ["neighbour_vote", "confident_learning"]),
        lambda: _in_samples(run, cached(run, "pca")),
        lambda: _in_samples(run, kept_pairs(run)),
        *(partial(score_table, run, [name]) for name in run.method_columns),
    ]
    for ask in asked:
        _ask(ask)
    beside = run.folder.resolve().parent
    assert beside in run._images_file.resolve().parents, "the pictures lie outside"


def _in_classes(run: RunReader, signals: Any) -> None:
    for label in signals["predicted_label"].dropna().unique():
        run.class_names[int(label)]


def _in_samples(run: RunReader, table: Any) -> None:
    for name in {"sample_id", "other_id"} & set([] if table is None else table.columns):
        run.samples().iloc[table[name].dropna().astype(int)]


def _ask(ask: Callable[[], Any]) -> None:
    try:
        ask()
    except UsageError as reason:
        _shown(str(reason))


def _shown(value: Any) -> None:
    """Encode as a page does: half a surrogate pair would raise."""
    json.dumps(value, ensure_ascii=False, default=str).encode()


# -- the changes


def _pick(folder: Path, rng: np.random.Generator, ending: str = "") -> Path:
    files = sorted(path for path in folder.rglob(f"*{ending}") if _is_plain(path))
    return files[rng.integers(len(files))]


def _is_plain(path: Path) -> bool:
    """Tell whether a change may read the file: an earlier change may have made it endless."""
    return path.is_file() and not path.is_symlink() and path.stat().st_size < 10**7


def _info(folder: Path) -> Any:
    path = folder / "run.json"
    if not _is_plain(path):
        raise OSError("changed before")
    return json.loads(path.read_text())


def _odd(rng: np.random.Generator) -> Any:
    return ODD[rng.integers(len(ODD))]


def _field(folder: Path, rng: np.random.Generator) -> str:
    """Change or drop a field of `run.json`, up to three levels down."""
    path = folder / "run.json"
    info = inner = _info(folder)
    inner.setdefault("warnings", [{"text": "x", "sample_id": [0]}])
    inner.setdefault("method_state", [])
    where = []
    while True:
        keys = sorted(inner) if isinstance(inner, dict) else list(range(len(inner)))
        key = keys[rng.integers(len(keys))]
        where.append(str(key))
        if not inner[key] or not isinstance(inner[key], dict | list) or rng.random() < 0.4:
            break
        inner = inner[key]
    if rng.random() < 0.2 and isinstance(inner, dict):
        del inner[key]
        said = "dropped"
    else:
        inner[key] = _odd(rng)
        said = repr(inner[key])[:40]
    path.write_text(json.dumps(info))
    return f"{'.'.join(where)} {said}"


def _sizes(folder: Path, rng: np.random.Generator) -> str:
    info = _info(folder)
    name = str(rng.choice(["n_samples", "n_classes"]))
    info["dataset"][name] = int(rng.choice([1, 2, 9, 10**6, 10**9]))
    if rng.random() < 0.5:
        n_names = min(info["dataset"]["n_classes"], 10**5)
        info["dataset"]["class_names"] = [str(n) for n in range(n_names)]
    (folder / "run.json").write_text(json.dumps(info))
    return f"{name} {info['dataset'][name]}"


def _metrics(folder: Path, rng: np.random.Generator) -> str:
    path = _pick(folder, rng, "-0*.json")
    row = json.loads(path.read_text())
    row[str(rng.choice(sorted(row)))] = _odd(rng)
    path.write_text(json.dumps(row))
    return path.name


def _literal(folder: Path, rng: np.random.Generator) -> str:
    path = _pick(folder, rng, ".json")
    literal = LITERALS[rng.integers(len(LITERALS))]
    path.write_text(literal if rng.random() < 0.5 else f'{{"format": 1, "epoch": {literal}}}')
    return f"{path.name} {literal[:10]}"


def _flip(folder: Path, rng: np.random.Generator) -> str:
    path = _pick(folder, rng)
    content = bytearray(path.read_bytes())
    for at in rng.integers(len(content), size=rng.integers(1, 50)):
        content[at] = rng.integers(256)
    path.write_bytes(content)
    return path.name


def _cut(folder: Path, rng: np.random.Generator) -> str:
    path = _pick(folder, rng)
    content = path.read_bytes()
    path.write_bytes(content[: rng.integers(len(content))] if rng.random() < 0.7 else b"")
    return path.name


def _kind(folder: Path, rng: np.random.Generator) -> str:
    """Put something that is no regular file in a file's place."""
    names = [p for p in sorted(folder.rglob("*")) if _is_plain(p)]
    names += [folder / name for name in (".lock", ".#notes", "cache", "proofs", "method")]
    path = names[rng.integers(len(names))]
    path.unlink(missing_ok=True)
    kind = str(rng.choice(["fifo", "zero", "dangling", "loop", "folder", "random", "root", "kmsg"]))
    targets = {
        "zero": "/dev/zero", "dangling": "somebody@host.1", "loop": path.name,
        "random": "/dev/urandom", "root": "/", "kmsg": "/proc/kmsg",
    }  # fmt: skip
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(targets[kind])
    return f"{path.name} {kind}"


def _part(folder: Path, rng: np.random.Generator) -> str:
    """Put a file or link in the place of a folder of epochs."""
    parts = sorted(path for path in folder.iterdir() if path.is_dir())
    path = parts[rng.integers(len(parts))]
    shutil.rmtree(path)
    if rng.random() < 0.3:
        path.symlink_to("..")
    elif rng.random() < 0.5:
        os.mkfifo(path)
    else:
        path.write_text("x")
    return path.name


def _column(folder: Path, rng: np.random.Generator) -> str:
    """Change the type or values of a column, drop it, or have it twice."""
    path = _pick(folder, rng, ".parquet")
    if pq.read_metadata(path).num_rows >= 1 << 20:
        return "left, for a bomb"  # to unpack it here would be the peak of memory
    table = pq.read_table(path)
    at = int(rng.integers(table.num_columns))
    name, n = table.column_names[at], len(table)
    how = str(rng.choice(["twice", "drop", "null", "text", "huge", "minus", "list", "nan", "same"]))
    values = {
        "null": pa.nulls(n, table.schema.field(at).type),
        "text": pa.array(["x"] * n),
        "huge": pa.array([2**31 - 1] * n, pa.int32()),
        "minus": pa.array([-1] * n, pa.int32()),
        "list": pa.array([[1.0]] * n),
        "nan": pa.array([float("nan")] * n, pa.float32()),
        "same": pa.array([3] * n, pa.int32()),
    }
    if how == "twice":
        table = table.append_column(name, table[name])
    elif how == "drop":
        table = table.drop_columns([name])
    else:
        table = table.set_column(at, name, values[how])
    pq.write_table(table, path)
    return f"{path.parent.name}/{path.name} {name} {how}"


def _rows(folder: Path, rng: np.random.Generator) -> str:
    path = _pick(folder, rng, ".parquet")
    table = pq.read_table(path)
    how = str(rng.choice(["fewer", "none", "more", "shuffled"]))
    rows = {
        "fewer": np.arange(len(table) // 2),
        "none": np.arange(0),
        "more": np.arange(3 * len(table)) % len(table),
        "shuffled": rng.permutation(len(table)),
    }[how]
    pq.write_table(table.take(rows), path)
    return f"{path.parent.name}/{path.name} {how}"


def _bomb(folder: Path, rng: np.random.Generator) -> str:
    """Put a small file in place that unpacks to gigabytes."""
    path = _pick(folder, rng, ".parquet")
    kind = str(rng.choice(["rows", "text", "wide"]))
    shutil.copyfile(_bombs()[kind], path)
    if rng.random() < 0.5:  # and say that there are as many samples
        info = _info(folder)
        info["dataset"]["n_samples"] = pq.read_metadata(path).num_rows
        (folder / "run.json").write_text(json.dumps(info))
    return f"{path.name} {kind}"


def _large(folder: Path, rng: np.random.Generator) -> str:
    """Make a file endless without using the disk."""
    path = _pick(folder, rng)
    os.truncate(path, 1 << 40)
    return path.name


def _strays(folder: Path, rng: np.random.Generator) -> str:
    """Add files with names that are nearly ours."""
    metrics = folder / "metrics"
    for name in ("epoch-².json", "epoch-.json", "epoch-1.json", "epoch-99999999999.json",
                 ".epoch-00005.json.1.part", "epoch-00003.json.bak"):  # fmt: skip
        if rng.random() < 0.5:
            (metrics / name).write_text("{}")
    (folder / "signals" / os.fsdecode(b"epoch-\xff.parquet")).write_text("")
    return ""


def _name(folder: Path, rng: np.random.Generator) -> str:
    name = NAMES[rng.integers(len(NAMES))]
    os.rename(folder, os.path.join(os.fsencode(folder.parent), name))
    return repr(name)


def _permission(folder: Path, rng: np.random.Generator) -> str:
    path = _pick(folder, rng)
    (path if rng.random() < 0.7 else path.parent).chmod(0)
    return path.name


def _lines(folder: Path, rng: np.random.Generator) -> str:
    line = json.loads(_verdict_line(GOLDEN / "format-1"))
    line[str(rng.choice(sorted(line)))] = _odd(rng)
    text = "\n".join([json.dumps(line), "[" * 100_000, "\x00" * 100, '"', "{}"] * 50)
    if (folder / "verdicts.jsonl").is_file():
        (folder / "verdicts.jsonl").write_text(text)
    return ""


def _proof(folder: Path, rng: np.random.Generator) -> str:
    """Add a proof with a field that is odd, up to three levels down."""
    info = part = write_small_proof(folder / "proofs" / "small")
    for _ in range(3):
        key = rng.choice(sorted(part)) if isinstance(part, dict) else int(rng.integers(len(part)))
        if not part[key] or not isinstance(part[key], dict | list) or rng.random() < 0.4:
            break
        part = part[key]
    part[key] = _odd(rng)
    (folder / "proofs" / "small" / "proof.json").write_text(json.dumps(info))
    return f"{key}"


def _sweep(folder: Path, rng: np.random.Generator) -> str:
    """Make the folder a sweep's as well, with a field that is odd."""
    info: dict[str, Any] = {
        "format": 1, "created": "2026", "status": "finished", "base": {}, "seeds": [0],
        "cells": [{"fields": {"recipe": "CCE"}, "departs": {}}], "title": None,
        "trainings": [{"run": "a", "cell": 0, "seed": 0, "status": "finished", "error": None,
                       "seconds": 1.0, "mislabeled_fraction": 0.1, "test_accuracy": [0.5],
                       "auroc": {"iam": 0.5}}],
    }  # fmt: skip
    part = info if rng.random() < 0.5 else info["trainings"][0]
    part[str(rng.choice(sorted(part)))] = _odd(rng)
    (folder / "sweep.json").write_text(json.dumps(info))
    return ""


CHANGES = (
    _field, _field, _field, _sizes, _metrics, _literal, _flip, _flip, _cut, _kind, _kind, _part,
    _column, _column, _rows, _bomb, _large, _strays, _name, _permission, _lines, _sweep, _proof,
)  # fmt: skip


def _verdict_line(golden: Path) -> str:
    info = json.loads((golden / "run.json").read_text())
    label = pq.read_table(golden / "samples.parquet")["given_label"][3].as_py()
    line = {"sample_id": 3, "verdict": "keep", "given_label": label, "new_label": None,
            "reviewer": "", "criterion": None, "rank": 1, "stream": "ranked", "note": "",
            "time": "2026", "id": "a", "fingerprint": info["dataset"]["fingerprint"]}  # fmt: skip
    return json.dumps(line) + "\n"


_made: dict[str, Path] = {}


def _bombs() -> dict[str, Path]:
    """Return small Parquet files that unpack to gigabytes, made once, in small pieces."""
    if not _made:
        place = Path(tempfile.mkdtemp(prefix="bombs-"))
        n = 1 << 20
        same = {c.name: pa.array(np.zeros(n, c.dtype)) for c in SIGNALS}
        same |= {"true_label": pa.nulls(n, pa.int32()), "source": pa.nulls(n, pa.string())}
        long = {**same, "source": pa.DictionaryArray.from_arrays(np.zeros(n, "i4"), ["x" * 9000])}
        wide = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(n, np.float16)), n // 16)
        for kind, table, times in (
            ("rows", pa.table(same), BOMB_ROWS // n),
            ("text", pa.table(long), 1),
            ("wide", pa.table({"sample_id": np.arange(16, dtype="i4"), "features": wide}), 16),
        ):
            _made[kind] = place / f"{kind}.parquet"
            with pq.ParquetWriter(_made[kind], table.schema, compression="zstd") as writer:
                for _ in range(times):
                    writer.write_table(table)
    return _made


def fuzz(n: int, seed: int, place: Path, ask: Callable[[Path], None] = questions) -> list[str]:
    """Return a sentence for each traceback and each folder that took too long."""
    faults = []
    for what, folder in folders(n, seed, place):
        began = time.perf_counter()
        try:
            ask(folder)
        except Exception:
            faults.append(f"{what}\n{traceback.format_exc()}")
        spent = time.perf_counter() - began
        if spent > SLOW:
            faults.append(f"{what}: {spent:.1f} s")
    for bomb in _made.values():
        bomb.unlink(missing_ok=True)
    _made.clear()
    return faults


def watched(folder: Path) -> None:
    """Ask all questions; where something waits for ever, say where and end."""
    faulthandler.dump_traceback_later(60, exit=True)
    questions(folder)
    faulthandler.cancel_dump_traceback_later()


def main() -> int:
    """Fuzz, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folders", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30,) * 2)
    with tempfile.TemporaryDirectory() as place:
        began = time.monotonic()
        faults = fuzz(asked.folders, asked.seed, Path(place), watched)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    for fault in faults:
        print(fault)
    slow = sum("Traceback" not in fault for fault in faults)
    print(
        f"{asked.folders} folders (seed {asked.seed}) in {time.monotonic() - began:.0f} s: "
        f"{len(faults) - slow} tracebacks, {slow} over {SLOW:.0f} s, peak {peak / 2**20:.0f} MiB"
    )
    return int(bool(faults) or peak > MOST_MEMORY)


if __name__ == "__main__":
    sys.exit(main())
