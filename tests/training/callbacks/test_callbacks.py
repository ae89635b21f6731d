"""The callbacks for Lightning and Hugging Face's Trainer, with the real libraries."""

import importlib
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError

ROOT = Path(__file__).parents[3]
N, C, D, EPOCHS = 40, 3, 5, 3
KEYS = [f"img/{i:03d}.png" for i in range(N)]
GIVEN = np.arange(N) % C
EXTRA = "an optional extra"
LIBRARIES = {"lightning": "lightning.pytorch", "transformers": "transformers"}

# The libraries' own: they use what newer versions of others deprecate.
pytestmark = [
    pytest.mark.filterwarnings("default"),
    pytest.mark.filterwarnings("error::UserWarning:hmw_core"),
]


def items(names):
    pixels = np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)
    return [{"x": pixels[i], "labels": int(GIVEN[i]), "sample_id": names[i]} for i in range(N)]


@pytest.fixture
def log(tmp_path):
    """A writer that knows the samples by key, too."""
    writer = RunWriter.create(
        tmp_path / "run", given_label=GIVEN, n_classes=C, n_epochs=EPOCHS, source=KEYS
    )
    yield writer
    writer.finish()


def check(run: RunReader, seen: dict) -> None:
    """Compare the log with what each step computed: `seen[epoch, sample_id]` is its logits."""
    assert len(seen) == EPOCHS * N
    kept = run.outputs(["logits"]).set_index(["epoch", "sample_id"])["logits"]
    signals = run.signals(["given_logit", "loss"]).set_index(["epoch", "sample_id"])
    for (epoch, sample_id), logits in seen.items():
        assert kept[epoch, sample_id] == pytest.approx(logits, rel=2e-3, abs=1e-4)
        assert signals["given_logit"][epoch, sample_id] == logits[GIVEN[sample_id]]
    assert signals.notna().all(axis=None)


@pytest.fixture(params=["lightning.pytorch", "pytorch_lightning"])
def pl(request, monkeypatch):
    """Lightning under either of its names, and our callback made for that one."""
    library = pytest.importorskip(request.param, reason=f"Lightning is {EXTRA}")
    import training.callbacks.lightning as ours

    other = {"lightning.pytorch": "pytorch_lightning"}.get(request.param, "lightning.pytorch")
    monkeypatch.delitem(sys.modules, other, raising=False)
    importlib.reload(ours)
    assert issubclass(ours.LogSamples, library.Callback)
    yield library, ours.LogSamples
    monkeypatch.undo()
    importlib.reload(ours)


def module_of(library, seen, *, returns=("logits", "sample_id"), skips=(None, None)):
    number, skipped = skips

    class Classifier(library.LightningModule):
        def __init__(self):
            super().__init__()
            self.network = torch.nn.Linear(D, C)

        def training_step(self, batch, batch_index):
            if batch_index == number:
                skipped.append(batch["sample_id"])
                return None  # as Lightning lets it
            logits = self.network(batch["x"])
            for sample_id, row in zip(batch["sample_id"], logits.detach().float(), strict=True):
                known = KEYS.index(sample_id) if isinstance(sample_id, str) else int(sample_id)
                seen[self.current_epoch + 1, known] = row.numpy()
            result = {"loss": F.cross_entropy(logits, batch["labels"]), "logits": logits}
            result["sample_id"] = batch["sample_id"]
            return {key: value for key, value in result.items() if key in ("loss", *returns)}

        def validation_step(self, batch, batch_index):
            self.log("val_accuracy", 0.25, on_epoch=True, batch_size=len(batch["x"]))

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.5)

    torch.manual_seed(0)
    return Classifier()


def fit(library, module, callback, tmp_path, names, **options):
    loader = names
    if not isinstance(names, DataLoader):
        loader = DataLoader(items(names), batch_size=16, shuffle=True)
    settings = {
        "max_epochs": EPOCHS,
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "default_root_dir": str(tmp_path),
    }
    trainer = library.Trainer(callbacks=[callback], **settings | options)
    trainer.fit(module, loader, DataLoader(items(KEYS), batch_size=16))
    return trainer


@pytest.mark.parametrize("names", [list(range(N)), KEYS], ids=["numbers", "keys"])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_lightning_logs_every_sample(names, precision, pl, log, tmp_path):
    library, log_samples = pl
    seen = {}
    callback = log_samples(log, test_accuracy="val_accuracy")
    fit(library, module_of(library, seen), callback, tmp_path, names, precision=precision)
    log.finish()
    run = RunReader(tmp_path / "run")
    check(run, seen)
    assert run.metrics()["test_accuracy"].tolist() == [0.25] * EPOCHS


def test_lightning_takes_the_ids_from_the_batch(pl, log, tmp_path):
    library, log_samples = pl
    seen = {}
    module = module_of(library, seen, returns=("logits",))
    fit(library, module, log_samples(log), tmp_path, KEYS, accumulate_grad_batches=2)
    log.finish()
    check(RunReader(tmp_path / "run"), seen)


@pytest.mark.filterwarnings("ignore:`training_step` returned `None`")
def test_lightning_skips_a_step_and_its_samples_are_null(pl, log, tmp_path):
    library, log_samples = pl
    skipped = []
    module = module_of(library, {}, skips=(1, skipped))
    fit(library, module, log_samples(log), tmp_path, KEYS, accumulate_grad_batches=2)
    log.finish()
    run = RunReader(tmp_path / "run")
    assert run.epochs() == [1, 2, 3]
    for epoch, names in zip(run.epochs(), skipped, strict=True):
        loss = run.signals(["loss"], epochs=[epoch]).set_index("sample_id")["loss"]
        assert sorted(loss.index[loss.isna()]) == sorted(map(KEYS.index, names))
        assert len(names) == 16


def test_lightning_counts_the_last_pass_of_a_sample_that_comes_twice(pl, log, tmp_path):
    library, log_samples = pl
    seen = {}
    module = module_of(library, seen)
    twice = DataLoader([*items(KEYS), *items(KEYS)[:8]], batch_size=8)
    fit(library, module, log_samples(log), tmp_path, twice)
    log.finish()
    check(RunReader(tmp_path / "run"), seen)  # `seen` keeps the last, too


def test_lightning_accuracy_is_null_in_an_epoch_without_validation(pl, log, tmp_path):
    library, log_samples = pl
    callback = log_samples(log, test_accuracy="val_accuracy")
    fit(library, module_of(library, {}), callback, tmp_path, KEYS, check_val_every_n_epoch=2)
    log.finish()
    accuracy = RunReader(tmp_path / "run").metrics()["test_accuracy"]
    assert accuracy.isna().tolist() == [True, False, True]
    assert accuracy[1] == 0.25


def test_lightning_says_that_the_accuracy_asked_for_is_not_there(pl, log, tmp_path):
    library, log_samples = pl
    callback = log_samples(log, test_accuracy="val_acc")
    fit(library, module_of(library, {}), callback, tmp_path, KEYS)
    log.finish()
    run = RunReader(tmp_path / "run")
    assert run.metrics()["test_accuracy"].isna().all()
    (said,) = run.warnings
    assert "no metric 'val_acc', only val_accuracy" in said.text


def test_lightning_step_without_logits_is_one_sentence(pl, log, tmp_path):
    library, log_samples = pl
    with pytest.raises(UsageError, match=r"must return a dict with logits; it returned loss"):
        fit(library, module_of(library, {}, returns=()), log_samples(log), tmp_path, KEYS)


def test_lightning_in_two_processes_is_refused(pl, log):
    _, log_samples = pl
    callback = log_samples(log)
    callback.on_fit_start(type("Trainer", (), {"world_size": 1})(), None)
    with pytest.raises(UsageError, match="one process, but 2 train"):
        callback.on_fit_start(type("Trainer", (), {"world_size": 2})(), None)


@pytest.fixture
def trainer_of(log, tmp_path):
    """Return a function that makes a logged trainer of a small model."""
    transformers = pytest.importorskip("transformers", reason=f"transformers is {EXTRA}")
    pytest.importorskip("accelerate", reason="transformers.Trainer needs it")
    from training.callbacks.transformers import LogSamples

    class LoggedTrainer(LogSamples, transformers.Trainer):
        pass

    class Model(torch.nn.Module):
        def __init__(self, seen, as_tuple):
            super().__init__()
            self.network = torch.nn.Linear(D, C)
            self.seen = seen
            self.as_tuple = as_tuple

        def forward(self, x, labels=None):
            logits = self.network(x)
            if self.training:
                self.seen.append(logits.detach().float().numpy())
            if labels is None:
                return {"logits": logits}
            loss = F.cross_entropy(logits, labels)
            return (loss, logits) if self.as_tuple else {"loss": loss, "logits": logits}

    def make(seen, *, as_tuple=False, collator=None, data=None, own=None, **options):
        torch.manual_seed(0)
        settings = {
            "num_train_epochs": EPOCHS,
            "per_device_train_batch_size": 16,
            "remove_unused_columns": False,
            "report_to": "none",
            "save_strategy": "no",
            "disable_tqdm": True,
            "use_cpu": True,
        }
        arguments = transformers.TrainingArguments(str(tmp_path / "out"), **settings | options)
        return LoggedTrainer(
            Model(seen, as_tuple),
            arguments,
            train_dataset=items(list(range(N))) if data is None else data,
            data_collator=collator,
            sample_log=log,
            **{"eval_dataset": items(list(range(N)))} | (own or {}),
        )

    return make


def collate(names_of):
    """Return a collator that notes the ids of each training batch, and hands them on."""

    def work(rows):
        ids = [row["sample_id"] for row in rows]
        names_of.append(ids)
        batch = {
            "x": torch.from_numpy(np.stack([row["x"] for row in rows])),
            "labels": torch.tensor([row["labels"] for row in rows]),
        }
        return batch | {"sample_id": ids if isinstance(ids[0], str) else torch.tensor(ids)}

    return work


@pytest.mark.parametrize("names", [list(range(N)), KEYS], ids=["numbers", "keys"])
@pytest.mark.parametrize("as_tuple", [False, True], ids=["dict", "tuple"])
def test_transformers_log_every_sample(names, as_tuple, trainer_of, log, tmp_path):
    logits, ids = [], []
    trainer = trainer_of(logits, as_tuple=as_tuple, collator=collate(ids), data=items(names))
    trainer.train()
    log.finish()
    steps = -(-N // 16)
    seen = {}
    for step, (batch, rows) in enumerate(zip(ids, logits, strict=False)):
        for name, row in zip(batch, rows, strict=True):
            seen[step // steps + 1, names.index(name)] = row
    check(RunReader(tmp_path / "run"), seen)


def test_transformers_evaluate_and_predict_without_the_ids(trainer_of, log, tmp_path):
    trainer = trainer_of([], eval_strategy="epoch", gradient_accumulation_steps=2)
    trainer.train()
    assert "eval_loss" in trainer.evaluate()
    unlabelled = [{k: v for k, v in item.items() if k != "labels"} for item in items(KEYS)[:8]]
    unlabelled = [item | {"sample_id": 0} for item in unlabelled]
    assert trainer.predict(unlabelled).predictions.shape == (8, C)
    log.finish()
    run = RunReader(tmp_path / "run")
    assert run.epochs() == [1, 2, 3]
    assert run.signals(["loss"])["loss"].notna().all()


def share_of_class_0(predicted):
    """A metric whose value is known: each evaluation is of the given labels 0, 1, 2, 0, ..."""
    return {"accuracy": float((predicted.label_ids == 0).mean())}


@pytest.mark.parametrize(
    ("strategy", "data", "name", "expected"),
    [
        ("epoch", items(list(range(N))), "eval_accuracy", [14 / 40] * 3),
        ("steps", items(list(range(N))), "eval_accuracy", [14 / 40] * 3),
        ("no", None, "eval_accuracy", [np.nan] * 3),
        (
            "epoch",
            {"one": items(list(range(N)))[:9], "two": items(list(range(N)))[1:6]},
            "eval_two_accuracy",
            [1 / 5] * 3,
        ),
    ],
    ids=["each epoch", "each step", "never", "two data sets"],
)
def test_transformers_accuracy_arrives_in_the_log(
    strategy, data, name, expected, trainer_of, log, tmp_path
):
    own = {"eval_dataset": data, "compute_metrics": share_of_class_0, "test_accuracy": name}
    trainer_of([], own=own, eval_strategy=strategy, eval_steps=1).train()
    log.finish()
    run = RunReader(tmp_path / "run")
    assert run.metrics()["test_accuracy"].to_numpy() == pytest.approx(expected, nan_ok=True)
    assert run.signals(["loss"])["loss"].notna().all()
    assert run.warnings == ()


def test_transformers_say_that_the_accuracy_asked_for_is_not_there(trainer_of, log, tmp_path):
    own = {"test_accuracy": "eval_accuracy"}  # and no `compute_metrics`
    trainer_of([], own=own, eval_strategy="epoch").train()
    log.finish()
    (said,) = RunReader(tmp_path / "run").warnings
    assert "no metric 'eval_accuracy', only eval_loss" in said.text


def test_an_evaluation_that_fails_does_not_cost_the_epoch(trainer_of, log, tmp_path):
    def fail(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        trainer_of([], own={"compute_metrics": fail}, eval_strategy="epoch").train()
    log.finish()
    assert RunReader(tmp_path / "run").epochs() == [1]


def test_transformers_part_of_an_epoch_leaves_the_rest_null(trainer_of, log, tmp_path):
    trainer_of([], max_steps=4).train()  # three steps an epoch
    log.finish()
    run = RunReader(tmp_path / "run")
    assert run.epochs() == [1, 2]
    assert run.signals(["loss"], epochs=[2])["loss"].notna().sum() == 16


def test_transformers_batch_without_ids_is_one_sentence(trainer_of):
    nameless = [{k: v for k, v in item.items() if k != "sample_id"} for item in items(KEYS)]
    with pytest.raises(UsageError, match="no 'sample_id'.*remove_unused_columns=False"):
        trainer_of([], data=nameless).train()


def test_transformers_in_two_processes_are_refused(trainer_of, monkeypatch):
    transformers = pytest.importorskip("transformers", reason=f"transformers is {EXTRA}")
    monkeypatch.setattr(transformers.TrainingArguments, "world_size", 2)
    with pytest.raises(UsageError, match="one process, but 2 train"):
        trainer_of([])


@pytest.mark.parametrize("library", LIBRARIES)
def test_without_the_library_it_is_named(library):
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['lightning', 'pytorch_lightning', "
        f"'transformers']))\nfrom training.callbacks.{library} import LogSamples\n"
        "try:\n    LogSamples(None) if 'lightning' in LogSamples.__module__ else "
        "LogSamples(sample_log=None)\nexcept ValueError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith(f"pip install {library}")


def example_of(library: str) -> str:
    """Return the example in the docstring of a callback's file."""
    text = importlib.import_module(f"training.callbacks.{library}").__doc__
    block = re.search(r"::\n\n((?:    .*\n|\n)+)", text)[1]
    return textwrap.dedent(block).strip() + "\n"


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
def test_the_example_logs_a_run(library, tmp_path):
    pytest.importorskip(LIBRARIES[library], reason=f"{library} is {EXTRA}")
    done = subprocess.run(
        [sys.executable, "-c", example_of(library)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    run = RunReader(tmp_path / "data/runs/mine")
    assert run.status == "finished"
    assert run.epochs() == [1, 2, 3]
    assert run.signals(["loss"])["loss"].notna().all()


@pytest.mark.parametrize("library", LIBRARIES)
def test_readme_has_the_examples_that_are_run(library):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    if f"training.callbacks.{library} import" not in readme:
        pytest.skip("the README leaves this example to the file's docstring")
    assert example_of(library) in readme
