"""Whatever file an importer is given: a run, or exit code 2 with one sentence and nothing left."""

import io
import json
import os
import pickle

import numpy as np
import pandas as pd
import pytest

from hmw_core.importers import IMPORTERS
from hmw_core.importers.__main__ import main

SEED, N, C, CHANGES = 0, 12, 3, 4
LABELS = b"sample_id,label\n" + b"".join(b"%d,%d\n" % (i, i % C) for i in range(N))


def sound() -> dict[str, bytes]:
    """Return a sound file of each kind that an importer reads."""
    logits = np.random.default_rng(SEED).normal(size=(N, C)).astype(np.float32)
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    label, npy, npz, parquet = np.arange(N) % C, io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.save(npy, logits)
    np.savez(npz, labels=label, pred_probs=probability)
    pd.DataFrame({"labels": label, "pred_probs": list(probability)}).to_parquet(parquet)
    aum = "sample_id,num_measurements,target_logit,target_val,other_logit,other_val\n"
    aum += "".join(f"{i},1,{i % C},1.0,{(i + 1) % C},0.5\n" for i in range(N))
    line = {"logits_epoch_0": [0.1, 0.2, 0.3]}
    dynamics = "".join(json.dumps({"guid": i, "gold": i % C} | line) + "\n" for i in range(N))
    return {
        "aum": aum.encode(),
        "cartography": dynamics.encode(),
        "labels": LABELS,
        "npy": npy.getvalue(),
        "npz": npz.getvalue(),
        "parquet": parquet.getvalue(),
    }


def changed(content: bytes, rng: np.random.Generator) -> bytes:
    """Return a file of which up to four bytes are others."""
    values = bytearray(content)
    for place in rng.integers(0, len(values), rng.integers(1, 5)):
        values[place] = rng.integers(0, 256)
    return bytes(values)


def contents() -> dict[str, bytes]:
    rng = np.random.default_rng(SEED)
    found = {
        "nothing": b"",
        "random bytes": rng.bytes(500),
        "zeros": bytes(100),
        "lines": b"\n" * 100,
        "words": b"hello world\n",
        "a picture": b"\x89PNG\r\n\x1a\n\0\0",
        "a workbook": b"\xd0\xcf\x11\xe0",
        "a torn archive": b"PK\x03\x04torn",
        "a torn table": b"PAR1torn",
        "a torn pickle": b"\x80\x04\x95",
        "a pickle": pickle.dumps({"labels": [1, 2]}),
        "deep lists": b"[" * 200_000,
        "deep objects": b'{"a":' * 100_000,
        "quotes": b'"' * 1001,
        "a title alone": b"sample_id,label\n",
        "an object": b'{"a": 1}',
    }
    for name, content in sound().items():
        found[f"{name}, half"] = content[: len(content) // 2]
        for number in range(CHANGES):
            found[f"{name}, changed {number}"] = changed(content, rng)
    dynamics = sound()["cartography"]
    for value in (b"9" * 400, b"1e999", b"NaN", b"[]", b'"\\ud800"'):
        found[f"a logit is {value[:6]!r}"] = dynamics.replace(b"0.1", value)
        found[f"a guid is {value[:6]!r}"] = dynamics.replace(b'"guid": 3', b'"guid": ' + value)
        found[f"a gold is {value[:6]!r}"] = dynamics.replace(b'"gold": 1', b'"gold": ' + value)
    return found


CONTENTS = contents()
PLACES = {
    "aum": "full_aum_records.csv",
    "cartography": "dynamics_epoch_0.jsonl",
    "cleanlab": "a.npz",
    "logits": "epoch-1.npy",
}


@pytest.mark.parametrize("kind", IMPORTERS)
@pytest.mark.parametrize("name", CONTENTS)
def test_any_file_is_a_run_or_one_sentence(kind, name, tmp_path, capsys):
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "labels.csv").write_bytes(LABELS)
    (folder / PLACES[kind]).write_bytes(CONTENTS[name])
    source = folder / PLACES[kind] if kind == "cleanlab" else folder
    check(
        main([kind, str(source), "--run", "r", "--runs", str(tmp_path / "runs")]), capsys, tmp_path
    )


@pytest.mark.parametrize("name", CONTENTS)
def test_any_file_of_labels_is_read_or_one_sentence(name, tmp_path, capsys):
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "labels.csv").write_bytes(LABELS)
    (folder / "epoch-1.npy").write_bytes(sound()["npy"])
    (folder / "other").write_bytes(CONTENTS[name])
    for option in ("--labels", "--true-labels"):
        arguments = [option, str(folder / "other"), "--runs", str(tmp_path / "runs")]
        check(main(["logits", str(folder), "--run", option[2:], *arguments]), capsys, tmp_path)


@pytest.mark.parametrize("kind", IMPORTERS)
def test_what_is_no_file_is_not_waited_for(kind, tmp_path, capsys):
    folder = tmp_path / "source"
    folder.mkdir()
    os.mkfifo(folder / PLACES[kind])
    (folder / "labels.csv").write_bytes(LABELS)
    runs = ["--run", "r", "--runs", str(tmp_path / "runs")]
    for source in (folder, folder / PLACES[kind], "/dev/zero", tmp_path / "nowhere", tmp_path):
        assert main([kind, str(source), *runs]) == 2
        check(2, capsys, tmp_path)


def check(code: int, capsys: pytest.CaptureFixture, folder) -> None:
    said = capsys.readouterr().err
    runs = folder / "runs"
    if code == 0:
        assert said == ""
        return
    assert code == 2
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert not runs.exists() or not [path for path in runs.iterdir() if path.name == "r"]
