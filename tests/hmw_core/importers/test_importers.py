"""Logs of other programs become runs; each from its real producer where that installs."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hmw_core import RunReader
from hmw_core.criteria import CRITERIA, MAIN_CRITERIA
from hmw_core.criteria.compute import score_of, why_absent
from hmw_core.criteria.kept import score_table
from hmw_core.errors import UsageError
from hmw_core.importers import IMPORTERS
from hmw_core.importers.__main__ import main
from hmw_core.importers.base import ImportOptions
from hmw_core.importers.write import import_run

N, C, EPOCHS = 40, 4, 3
KEYS = [f"img/{i:03d}.png" for i in range(N)]


def dynamics() -> tuple[np.ndarray, np.ndarray]:
    """Return logits (epochs, N, C) float32 and labels (N,) of which every tenth is wrong."""
    rng = np.random.default_rng(0)
    label = np.arange(N) % C
    logits = rng.normal(0, 1, (EPOCHS, N, C))
    logits[:, np.arange(N), label] += 2 * np.arange(1, EPOCHS + 1)[:, None]
    given = np.where(np.arange(N) % 10 == 0, (label + 1) % C, label)
    return logits.astype(np.float32), given


def write_aum(folder: Path, ids: list, *, missed: tuple[int, ...] = ()) -> Path:
    """Let the aum package write its files; batches are shuffled."""
    aum = pytest.importorskip("aum", reason="the aum package writes the file that is read here")
    import torch

    logits, given = dynamics()
    calculator = aum.AUMCalculator(str(folder), compressed=False)
    rng = np.random.default_rng(1)
    for epoch in range(EPOCHS):
        order = [i for i in rng.permutation(N) if not (epoch == 1 and i in missed)]
        for batch in np.array_split(order, 3):
            calculator.update(
                torch.from_numpy(logits[epoch, batch]),
                torch.from_numpy(given[batch]),
                [ids[i] for i in batch],
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # aum sorts in place; not ours to mend
        calculator.finalize()
    return folder


def write_cartography(folder: Path, guids: list, *, missed: tuple[int, ...] = ()) -> Path:
    """Write what `log_training_dynamics` of allenai/cartography writes, by the same pandas call."""
    logits, given = dynamics()
    inside = folder / "training_dynamics"
    inside.mkdir(parents=True)
    for epoch in range(EPOCHS):
        rows = [i for i in range(N) if not (epoch == 1 and i in missed)]
        table = pd.DataFrame(
            {
                "guid": [guids[i] for i in rows],
                f"logits_epoch_{epoch}": [logits[epoch, i].tolist() for i in rows],
                "gold": given[rows],
            }
        )
        table.to_json(inside / f"dynamics_epoch_{epoch}.jsonl", lines=True, orient="records")
    return folder


def write_logits(folder: Path) -> Path:
    logits, given = dynamics()
    folder.mkdir(parents=True)
    for epoch in range(EPOCHS):
        np.save(folder / f"epoch-{epoch + 1}.npy", logits[epoch])
    np.save(folder / "labels.npy", given)
    return folder


def probabilities() -> tuple[np.ndarray, np.ndarray]:
    logits, given = dynamics()
    exact = np.exp(logits[-1].astype(np.float64))
    return exact / exact.sum(axis=1, keepdims=True), given


def write_cleanlab(folder: Path) -> Path:
    probability, given = probabilities()
    folder.mkdir(parents=True)
    np.savez(folder / "arrays.npz", labels=given, pred_probs=probability)
    return folder / "arrays.npz"


WRITE = {
    "aum": lambda folder: write_aum(folder, list(range(N))),
    "cartography": lambda folder: write_cartography(folder, list(range(N))),
    "cleanlab": write_cleanlab,
    "logits": write_logits,
}


def imported(kind: str, tmp_path: Path, **options) -> RunReader:
    source = WRITE[kind](tmp_path / "source")
    return import_run(kind, source, tmp_path / "runs" / kind, ImportOptions(**options))


def test_every_importer_has_a_source_here():
    assert WRITE.keys() == IMPORTERS.keys()


@pytest.mark.parametrize("kind", IMPORTERS)
def test_what_the_source_lacks_is_null_and_the_rest_is_there(kind, tmp_path):
    run = imported(kind, tmp_path)
    assert run.status == "finished"
    assert run.damage == []
    assert run.epochs() == list(range(1, run.n_epochs + 1))
    assert run.samples()["given_label"].tolist() == dynamics()[1].tolist()
    assert not run.has_true_label
    columns = [name for name in run.absent if name in signal_names(run)]
    found = run.signals(signal_names(run))
    assert found[columns].isna().all(axis=None)
    assert found.drop(columns=columns).notna().all(axis=None)
    scores = score_table(run)
    for name, criterion in MAIN_CRITERIA.items():
        expected = 0 if why_absent(run, criterion) else N
        assert scores[name].notna().sum() == expected, name
    assert sorted(p.name for p in run.folder.parent.iterdir()) == [kind]


def signal_names(run: RunReader) -> list[str]:
    from hmw_core.log.schema import SIGNAL_NAMES

    return [name for name in SIGNAL_NAMES if name not in ("sample_id", "epoch")]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("aum", {"aum"}),
        ("cleanlab", {"last_loss", "mean_loss", "confidence"}),
        *(
            (kind, set(MAIN_CRITERIA) - {"hyperspherical_aum", "hyperspherical_tkum", "hm_weight"})
            for kind in ("cartography", "logits")
        ),
    ],
)
def test_criteria_that_a_source_allows(kind, names, tmp_path):
    run = imported(kind, tmp_path)
    assert {name for name, c in MAIN_CRITERIA.items() if why_absent(run, c) is None} == names
    assert set(score_table(run).dropna(axis=1)) == names


@pytest.mark.parametrize("ids", [list(range(N)), KEYS], ids=["numbers", "keys"])
def test_aum_equals_the_aum_packages_own(ids, tmp_path):
    source = write_aum(tmp_path / "source", ids)
    run = import_run("aum", source, tmp_path / "run")
    own = pd.read_csv(source / "aum_values.csv", dtype={"sample_id": str})
    own = own.set_index("sample_id")["aum"]
    ours = score_of(CRITERIA["aum"], run)
    source_of = run.samples()["source"]
    ours.index = ours.index.astype(str) if source_of.isna().all() else source_of
    assert ours.loc[own.index].to_numpy() == pytest.approx(own.to_numpy(), rel=1e-12)
    assert ours.sort_values(ascending=False).index.tolist() == own.index.tolist()


def test_aum_of_samples_that_missed_an_epoch(tmp_path):
    source = write_aum(tmp_path / "source", KEYS, missed=(3, 7))
    run = import_run("aum", source, tmp_path / "run")
    own = pd.read_csv(source / "aum_values.csv").set_index("sample_id")["aum"]
    ours = score_of(CRITERIA["aum"], run).set_axis(run.samples()["source"])
    assert ours.loc[own.index].to_numpy() == pytest.approx(own.to_numpy(), rel=1e-12)
    last = run.signals(["given_logit"], epochs=[EPOCHS])
    assert last["given_logit"].isna().sum() == 2  # their third measurement was never made


@pytest.mark.parametrize("kind", ["aum", "cartography", "logits"])
def test_signals_are_the_logits_own(kind, tmp_path):
    logits, given = dynamics()
    run = imported(kind, tmp_path)
    found = run.signals(["given_logit", "other_logit", "predicted_label", "other_label"])
    rows = np.arange(N)
    for epoch in range(EPOCHS):
        part = found[found["epoch"] == epoch + 1]
        assert part["given_logit"].to_numpy() == pytest.approx(logits[epoch, rows, given])
        assert part["predicted_label"].tolist() == logits[epoch].argmax(axis=1).tolist()
        others = logits[epoch].copy()
        others[rows, given] = -np.inf
        assert part["other_logit"].to_numpy() == pytest.approx(others.max(axis=1))
        assert part["other_label"].tolist() == others.argmax(axis=1).tolist()


def test_confidence_is_cleanlabs_self_confidence(tmp_path):
    rank = pytest.importorskip("cleanlab.rank", reason="cleanlab says what its score is")
    probability, given = probabilities()
    run = imported("cleanlab", tmp_path)
    own = rank.get_self_confidence_for_each_label(given, probability)
    assert score_of(CRITERIA["confidence"], run).to_numpy() == pytest.approx(own, rel=1e-6)
    by_loss = score_of(CRITERIA["last_loss"], run).to_numpy()
    assert np.argsort(-by_loss).tolist() == np.argsort(own).tolist()


def test_parquet_of_probabilities_with_keys(tmp_path):
    probability, given = probabilities()
    table = pd.DataFrame({"sample_id": KEYS, "label": given, "pred_probs": list(probability)})
    table.to_parquet(tmp_path / "arrays.parquet")
    run = import_run("cleanlab", tmp_path / "arrays.parquet", tmp_path / "run")
    assert run.samples()["source"].tolist() == KEYS
    assert run.samples()["given_label"].tolist() == given.tolist()
    expected = probability[np.arange(N), given]
    assert score_of(CRITERIA["confidence"], run).to_numpy() == pytest.approx(expected, rel=1e-6)


def test_cartography_keeps_guids_and_missed_lines_are_null(tmp_path):
    source = write_cartography(tmp_path / "source", KEYS, missed=(3, 7))
    run = import_run("cartography", source, tmp_path / "run")
    assert run.samples()["source"].tolist() == KEYS
    loss = run.signals(["loss"], sample_id=[3, 4]).set_index(["sample_id", "epoch"])["loss"]
    assert loss[3].isna().tolist() == [False, True, False]
    assert loss[4].notna().all()
    mean = score_of(CRITERIA["mean_loss"], run)
    assert mean[3] == pytest.approx(loss[3].dropna().mean())


def test_cartographys_confidence(tmp_path):
    """Their `confidence` is the mean over the epochs of the gold label's probability."""
    logits, given = dynamics()
    share = np.exp(logits.astype(np.float64))
    share /= share.sum(axis=2, keepdims=True)
    expected = share[:, np.arange(N), given].mean(axis=0)
    run = imported("cartography", tmp_path)
    assert score_of(CRITERIA["confidence"], run).to_numpy() == pytest.approx(expected, rel=1e-5)


def test_a_row_of_nan_logits_is_a_sample_not_seen(tmp_path):
    source = write_logits(tmp_path / "source")
    logits = np.load(source / "epoch-2.npy")
    logits[5] = np.nan
    np.save(source / "epoch-2.npy", logits)
    run = import_run("logits", source, tmp_path / "run")
    assert run.signals(["loss"], sample_id=5)["loss"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize("first", [0, 1])
def test_epochs_come_in_the_order_of_their_numbers(first, tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    for number in range(first, 12):  # by name, 10 would come before 2
        np.save(folder / f"logits_{number}.npy", np.full((2, 3), number, dtype=np.float32))
    pd.DataFrame({"label": [0, 2]}).to_csv(folder / "labels.csv", index=False)
    run = import_run("logits", folder, tmp_path / "run")
    found = run.signals(["given_logit"], sample_id=1)["given_logit"]
    assert found.tolist() == list(range(first, 12))


def test_true_labels_and_class_names(tmp_path):
    names = tmp_path / "true.csv"
    pd.DataFrame({"sample_id": KEYS[::-1], "true_label": (np.arange(N) % C)[::-1]}).to_csv(
        names, index=False
    )
    source = write_aum(tmp_path / "source", KEYS)
    words = ("cat", "dog", "<b>x</b>", "fox", "owl")
    options = ImportOptions(true_labels=names, class_names=words)
    run = import_run("aum", source, tmp_path / "run", options)
    assert run.has_true_label
    assert run.class_names == list(words)
    wrong = run.samples()["is_mislabeled"]
    assert wrong[wrong].index.tolist() == [0, 10, 20, 30]
    assert run.metrics()["auroc_aum"].notna().all()
    assert "auroc_iam" not in run.metrics()


def test_some_true_labels_may_be_unknown(tmp_path):
    path = tmp_path / "true.csv"
    pd.DataFrame({"sample_id": ["3"], "true_label": [1]}).to_csv(path, index=False)
    run = imported("logits", tmp_path, true_labels=path)
    true = run.samples()["true_label"]
    assert true.notna().sum() == 1
    assert true[3] == 1


def edit_aum(change):
    def write(folder: Path) -> Path:
        path = write_aum(folder, KEYS) / "full_aum_records.csv"
        change(pd.read_csv(path)).to_csv(path, index=False)
        return path

    return "aum", write


def edit_line(change):
    def write(folder: Path) -> Path:
        source = write_cartography(folder, KEYS)
        path = source / "training_dynamics" / "dynamics_epoch_1.jsonl"
        first, *rest = path.read_text().splitlines()
        path.write_text("\n".join([change(first), *rest]) + "\n")
        return source

    return "cartography", write


def edit_folder(kind, change):
    def write(folder: Path) -> Path:
        source = WRITE[kind](folder)
        change(source)
        return source

    return kind, write


def edit_arrays(**changes):
    def write(folder: Path) -> Path:
        probability, given = probabilities()
        folder.mkdir(parents=True)
        arrays = {"labels": given, "pred_probs": probability} | changes
        arrays = {name: value for name, value in arrays.items() if value is not None}
        np.savez(folder / "arrays.npz", **arrays)
        return folder / "arrays.npz"

    return "cleanlab", write


def set_gold(line: str, gold) -> str:
    return json.dumps(json.loads(line) | {"gold": gold})


def unlink(name):
    return lambda source: (source / name).unlink()


def save(name, array):
    return lambda source: np.save(source / name, array)


BAD = {
    "aum: a column is missing": (edit_aum(lambda t: t.drop(columns="other_val")), "other_val"),
    "aum: the file of final values": (
        ("aum", lambda folder: write_aum(folder, KEYS) / "aum_values.csv"),
        "compressed=False",
    ),
    "aum: a measurement twice": (
        edit_aum(lambda t: pd.concat([t, t.iloc[[0]]])),
        "measurement 1 twice",
    ),
    "aum: a gap": (
        edit_aum(lambda t: t[(t["num_measurements"] != 2) | (t["sample_id"] != KEYS[4])]),
        "measurement 3 but not 2",
    ),
    "aum: a label that changes": (
        edit_aum(lambda t: t.assign(target_logit=[*t["target_logit"][:-1], 2])),
        "one given label",
    ),
    "aum: a label that is none": (
        edit_aum(lambda t: t.assign(target_logit=[-4, *t["target_logit"][1:]])),
        "-4",
    ),
    "aum: no row": (edit_aum(lambda t: t.iloc[:0]), "no row"),
    "aum: text for a number": (
        edit_aum(lambda t: t.assign(target_val=["high", *t["target_val"].astype(str)[1:]])),
        "target_val",
    ),
    "aum: the folder of final values alone": (
        edit_folder("aum", unlink("full_aum_records.csv")),
        "compressed=False",
    ),
    "aum: no id": (edit_aum(lambda t: t.assign(sample_id="")), "sample_id is empty in row 0"),
    "aum: a class that is a broken cell": (
        edit_aum(lambda t: t.assign(other_logit=2_000_000_000)),
        "labels up to 2000000000; at most 1,000,000",
    ),
    "aum: no such file": (("aum", lambda folder: folder / "nothing.csv"), "nothing.csv"),
    "cartography: no file": (("cartography", lambda folder: folder.mkdir() or folder), "no file"),
    "cartography: a gap": (
        edit_folder("cartography", unlink("training_dynamics/dynamics_epoch_1.jsonl")),
        "epoch 1 is missing",
    ),
    "cartography: ragged": (
        edit_line(lambda line: line.replace("],", ",0.5],")),
        "5 logits, those before have 4",
    ),
    "cartography: not JSON": (edit_line(lambda line: line[:-5]), "line 1 is not JSON"),
    "cartography: no gold": (edit_line(lambda line: '{"guid": 1}'), "lacks guid, gold or logits"),
    "cartography: gold changes": (edit_line(lambda line: set_gold(line, 3)), "earlier epoch"),
    "cartography: gold out of range": (
        edit_folder(
            "cartography",
            lambda source: [
                path.write_text(path.read_text().replace('"gold":3', '"gold":9'))
                for path in source.rglob("*.jsonl")
            ],
        ),
        "gold goes up to 9",
    ),
    "cartography: a guid twice": (edit_line(lambda line: f"{line}\n{line}"), "comes twice"),
    "cleanlab: no labels": (edit_arrays(labels=None), "--labels"),
    "cleanlab: no probabilities": (edit_arrays(pred_probs=None), "lacks pred_probs"),
    "cleanlab: logits instead": (
        edit_arrays(pred_probs=np.full((N, C), 2.0)),
        "not probabilities",
    ),
    "cleanlab: another length": (edit_arrays(labels=np.zeros(3, int)), "3 labels for 40 rows"),
    "cleanlab: label out of range": (
        edit_arrays(labels=np.full(N, C)),
        "is 4, but there are 4 classes, 0..3",
    ),
    "cleanlab: labels with a fraction": (edit_arrays(labels=np.full(N, 0.5)), "whole number"),
    "cleanlab: soft labels": (edit_arrays(labels=np.full((N, C), 0.25)), "is not one-hot"),
    "cleanlab: labels from 1 on": (
        edit_arrays(labels=np.arange(N) % C + 1),
        "seem to count from 1, so subtract 1 from each",
    ),
    "cleanlab: a label that is none": (edit_arrays(labels=np.full(N, -100)), "means that there is"),
    "cleanlab: infinite": (edit_arrays(pred_probs=np.full((N, C), np.inf)), "infinite or no num"),
    "cleanlab: complex": (edit_arrays(pred_probs=np.full((N, C), 1j)), "other than numbers"),
    "cleanlab: ids in a matrix": (edit_arrays(sample_id=np.zeros((N, 2))), "the shape (40, 2)"),
    "cleanlab: ids twice": (edit_arrays(sample_id=np.array(["a"] * N)), "'a' twice"),
    "cleanlab: truncated": (
        (
            "cleanlab",
            lambda folder: (
                (p := write_cleanlab(folder)).write_bytes(p.read_bytes()[:300]) and p  # fmt: skip
            ),
        ),
        "cannot be read as arrays",
    ),
    "cleanlab: another kind of file": (("cleanlab", write_logits), "it is no file"),
    "logits: no labels": (edit_folder("logits", unlink("labels.npy")), "--labels"),
    "logits: a gap": (edit_folder("logits", unlink("epoch-2.npy")), "epoch 2 is missing"),
    "logits: from the third on": (
        edit_folder("logits", lambda s: [unlink(f"epoch-{e}.npy")(s) for e in (1, 2)]),
        "the first epoch is 0 or 1",
    ),
    "logits: an epoch twice": (
        edit_folder("logits", save("again-1.npy", np.zeros((N, C)))),
        "both epoch 1",
    ),
    "logits: no number": (
        edit_folder("logits", save("final.npy", np.zeros((N, C)))),
        "no number",
    ),
    "logits: ragged": (
        edit_folder("logits", save("epoch-2.npy", np.zeros((N, C + 1)))),
        "(40, 5)",
    ),
    "logits: too few labels": (
        edit_folder("logits", save("labels.npy", np.zeros(3, int))),
        "3 labels, but there are 40 samples",
    ),
    "logits: label out of range": (
        edit_folder("logits", save("labels.npy", np.full(N, 9))),
        "is 9, but there are 4 classes, 0..3",
    ),
    "logits: Python objects": (
        edit_folder("logits", save("labels.npy", np.array([{}] * N))),
        "it has nothing",
    ),
    "logits: truncated": (
        edit_folder("logits", lambda s: (s / "epoch-3.npy").write_bytes(b"\x93NUMPY")),
        "cannot be read as npy",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence_and_leaves_nothing(case, tmp_path, capsys):
    (kind, write), said = BAD[case]
    source = write(tmp_path / "source")
    runs = tmp_path / "runs"
    code = main([kind, str(source), "--run", "new", "--runs", str(runs)])
    output = capsys.readouterr()
    assert code == 2
    assert output.out == ""
    assert said in output.err
    assert output.err.startswith("error: ")
    assert output.err.count("\n") == 1
    assert not runs.exists() or list(runs.iterdir()) == []


def test_error_in_a_late_epoch_leaves_nothing(tmp_path, monkeypatch):
    """As a full disk would: the folder is already half written."""
    source = write_logits(tmp_path / "source")

    def fail(self, epoch, *_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hmw_core.recording.writer.RunWriter.end_epoch", fail)
    with pytest.raises(UsageError, match="No space left"):
        import_run("logits", source, tmp_path / "runs" / "new")
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--run", "../out"], "plain name"),
        (["--run", ".hidden"], "plain name"),
        (["--run", "new", "--true-labels", "nowhere.npy"], "nowhere.npy"),
        (["--run", "new", "--class-names", "a", "b"], "2 class names"),
        (["--run", "there"], "exists already"),
    ],
)
def test_bad_options_are_one_sentence(options, said, tmp_path, capsys):
    source = write_logits(tmp_path / "source")
    (tmp_path / "runs" / "there").mkdir(parents=True)
    assert main(["logits", str(source), "--runs", str(tmp_path / "runs"), *options]) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["there"]
    assert list((tmp_path / "runs" / "there").iterdir()) == []


def test_unknown_kind_is_named(tmp_path, capsys):
    assert main(["magic", str(tmp_path), "--run", "new", "--runs", str(tmp_path)]) == 2
    assert "known: aum, cartography, cleanlab, logits" in capsys.readouterr().err


def test_command_line_says_what_it_made_and_what_is_absent(tmp_path, capsys):
    source = write_logits(tmp_path / "source")
    assert main(["logits", str(source), "--run", "new", "--runs", str(tmp_path / "runs")]) == 0
    said = capsys.readouterr().out
    assert "40 samples, 3 epochs" in said
    assert "no images: a folder of logits holds no pictures" in said


def test_labels_file_of_another_data_set_is_refused(tmp_path):
    path = tmp_path / "true.csv"
    pd.DataFrame({"sample_id": ["elsewhere"], "label": [1]}).to_csv(path, index=False)
    with pytest.raises(UsageError, match="'elsewhere', which the log has not"):
        imported("logits", tmp_path, true_labels=path)
