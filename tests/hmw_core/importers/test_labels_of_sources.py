"""Labels, true labels and text of every usual kind arrive in the run, whatever wrote them."""

import csv
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from hmw_core import RunReader
from hmw_core.criteria import CRITERIA
from hmw_core.criteria.compute import score_of
from hmw_core.errors import UsageError
from hmw_core.importers.__main__ import main
from hmw_core.importers.base import ImportOptions
from hmw_core.importers.write import import_run
from tests.hmw_core.importers.test_importers import (
    KEYS,
    C,
    N,
    dynamics,
    imported,
    probabilities,
    write_aum,
    write_logits,
)

CLASS_NAMES = ("cat", "dog", "<b>x</b>", "NA")
LABEL_KINDS = {
    "words": lambda y: np.array(CLASS_NAMES)[y],
    "bytes": lambda y: np.array(CLASS_NAMES).astype("S")[y],
    "a column": lambda y: y[:, None],
    "a column of words": lambda y: np.array(CLASS_NAMES)[y][:, None],
    "one-hot": lambda y: np.eye(C)[y],
    "one-hot of truth values": lambda y: np.eye(C, dtype=bool)[y],
    "floats": lambda y: y.astype(np.float16),
    "digits": lambda y: y.astype(str),
}


def given(run: RunReader) -> list[int]:
    return run.samples()["given_label"].tolist()


@pytest.mark.parametrize("labels", LABEL_KINDS)
def test_labels_in_arrays(labels, tmp_path):
    _, y = dynamics()
    probability, _ = probabilities()
    of_kind = LABEL_KINDS[labels](y)
    np.savez(tmp_path / "a.npz", labels=of_kind, pred_probs=probability)
    options = ImportOptions(class_names=CLASS_NAMES)
    run = import_run("cleanlab", tmp_path / "a.npz", tmp_path / "a", options)
    assert given(run) == y.tolist()
    assert run.class_names == list(CLASS_NAMES)
    source = write_logits(tmp_path / "source")
    np.save(source / "labels.npy", of_kind)
    assert given(import_run("logits", source, tmp_path / "b", options)) == y.tolist()


@pytest.mark.parametrize("kind", ["category", "string", "string_view", "large_string"])
def test_words_in_parquet(kind, tmp_path):
    probability, y = probabilities()
    words = pa.array(np.array(CLASS_NAMES)[y].tolist())
    if kind == "category":
        words = words.dictionary_encode()
    else:
        words = words.cast(getattr(pa, kind)())
    table = pa.table({"labels": words, "pred_probs": probability.tolist()})
    pq.write_table(table, tmp_path / "a.parquet")
    options = ImportOptions(class_names=CLASS_NAMES)
    run = import_run("cleanlab", tmp_path / "a.parquet", tmp_path / "run", options)
    assert given(run) == y.tolist()
    with pytest.raises(UsageError, match=r"holds words \('<b>x</b>', 'NA', .*--class-names"):
        import_run("cleanlab", tmp_path / "a.parquet", tmp_path / "other")


WRITTEN = {
    "commas": {},
    "semicolons": {"sep": ";"},
    "tabs and UTF-16": {"sep": "\t", "encoding": "utf-16"},
    "a byte order mark": {"encoding": "utf-8-sig"},
    "quotes": {"quoting": csv.QUOTE_ALL},
    "decimal commas": {"sep": ";", "decimal": ","},
    "CRLF": {"lineterminator": "\r\n"},
}


@pytest.mark.parametrize("way", WRITTEN)
def test_records_as_spreadsheets_save_them(way, tmp_path):
    names = ["NA", "None", "null", "007", *KEYS[4:]]
    rows = pd.read_csv(
        write_aum(tmp_path / "aum", names) / "full_aum_records.csv",
        dtype={"sample_id": str},
        keep_default_na=False,
    )
    plain = import_run("aum", tmp_path / "aum", tmp_path / "plain")
    rows.assign(note="x", **{"": ""}).to_csv(tmp_path / "again.csv", index=False, **WRITTEN[way])
    run = import_run("aum", tmp_path / "again.csv", tmp_path / "run")
    assert set(run.samples()["source"]) == set(names)
    assert run.samples()["source"].tolist() == plain.samples()["source"].tolist()
    scores = [score_of(CRITERIA["aum"], r).to_numpy() for r in (plain, run)]
    assert scores[1] == pytest.approx(scores[0], rel=1e-12)


FILES = {
    "semicolons": ["sample_id;label;;", *(f"{i};{i % 4};;" for i in range(N)), ";;;", ";;;"],
    "one column": ["label", *(f"{i % 4}" for i in range(N))],
    "words for truth do not count": ["label", *(f'"{i % 4},0"' for i in range(N))],
    "JSON": [json.dumps([{"sample_id": str(i), "label": i % 4} for i in range(N)])],
    "columns that do not matter": ["x\tx\tlabel\t", *(f"a\tb\t{i % 4}\tc" for i in range(N))],
}


@pytest.mark.parametrize("case", FILES)
def test_files_of_labels(case, tmp_path):
    path = tmp_path / "l.txt"
    path.write_text("\r\n".join(FILES[case]))
    run = imported("logits", tmp_path, true_labels=path, labels=path)
    assert given(run) == run.samples()["true_label"].tolist() == (np.arange(N) % 4).tolist()


def test_published_files_of_human_labels(tmp_path):
    labels = {"clean_label": np.arange(N) % C, "worse_label": dynamics()[1]}
    torch.save(labels, tmp_path / "CIFAR-10_human.pt")
    np.save(tmp_path / "CIFAR-10_human_ordered.npy", np.array(labels, dtype=object))
    for name in ("CIFAR-10_human.pt", "CIFAR-10_human_ordered.npy"):
        source = write_logits(tmp_path / name[:-4])
        options = ImportOptions(
            labels=tmp_path / f"{name}:worse_label", true_labels=tmp_path / name
        )
        run = import_run("logits", source, tmp_path / f"run {name}", options)
        assert given(run) == labels["worse_label"].tolist()
        assert run.samples()["true_label"].tolist() == labels["clean_label"].tolist()
    with pytest.raises(UsageError, match="needs a column aggre_label; it has clean_label, worse_"):
        imported("logits", tmp_path, labels=tmp_path / "CIFAR-10_human.pt:aggre_label")


def test_unknown_true_labels_may_be_written_in_any_way(tmp_path):
    values = ["2", "", "-1", "-100"]
    lines = [f'"{values[i]}"' if i < 4 else "0" for i in range(N)]
    (tmp_path / "t.csv").write_text("\n".join(["label", *lines]))
    true = imported("logits", tmp_path, true_labels=tmp_path / "t.csv").samples()["true_label"]
    assert true[0] == 2
    assert true.isna().sum() == 3


def test_a_class_without_a_sample_is_said(tmp_path):
    assert imported("cleanlab", tmp_path).warnings == ()
    probability, y = probabilities()
    np.savez(tmp_path / "a.npz", labels=np.where(y == 0, 1, y), pred_probs=probability)
    run = import_run("cleanlab", tmp_path / "a.npz", tmp_path / "run")
    assert "'0' has no sample" in run.warnings[0].text


def test_the_command_says_what_a_reader_must_know(tmp_path, capsys):
    probability, y = probabilities()
    np.savez(tmp_path / "a.npz", labels=np.where(y == 0, 1, y), pred_probs=probability)
    assert main(["cleanlab", str(tmp_path / "a.npz"), "--run", "r", "--runs", str(tmp_path)]) == 0
    assert "  note: Of the 4 classes, '0' has no sample." in capsys.readouterr().out


def test_numbers_that_are_names_of_other_classes_are_not_guessed(tmp_path):
    probability, y = probabilities()
    options = ImportOptions(class_names=("1", "2", "3", "4"))
    np.savez(tmp_path / "a.npz", labels=y, pred_probs=probability)  # a 0 is no name
    assert (
        given(import_run("cleanlab", tmp_path / "a.npz", tmp_path / "run", options)) == y.tolist()
    )
    for labels in (np.maximum(y, 1), np.maximum(y, 1).astype(str)):
        np.savez(tmp_path / "a.npz", labels=labels, pred_probs=probability)
        with pytest.raises(UsageError, match="holds numbers that are names of other"):
            import_run("cleanlab", tmp_path / "a.npz", tmp_path / "other", options)


@pytest.mark.parametrize("kind", ["S", "U", object])
def test_ids_of_any_kind_of_text(kind, tmp_path):
    probability, y = probabilities()
    ids = np.array(KEYS, dtype=kind)
    if kind is object:
        pd.DataFrame({"sample_id": ids, "label": y, "pred_probs": list(probability)}).to_parquet(
            tmp_path / "a"
        )
    else:
        with (tmp_path / "a").open("wb") as file:
            np.savez(file, sample_id=ids, labels=y, pred_probs=probability)
    run = import_run("cleanlab", tmp_path / "a", tmp_path / "run")
    assert run.samples()["source"].tolist() == KEYS
