"""RunWriter in another training loop: shuffled, in half precision, with gaps, repeats and keys."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from dashboard.drawing.style import Typography
from dashboard.export.prepared import prepare_figures
from dashboard.figures import FIGURES
from hmw_core import RunReader, RunWriter
from hmw_core.criteria import MAIN_CRITERIA
from hmw_core.criteria.kept import score_table
from hmw_core.errors import UsageError
from hmw_core.objective.weighting.hmw import cosine_to_classes

N, C, D, EPOCHS = 60, 4, 6, 3
KEYS = [f"img/{i:03d}.png" for i in range(N)]
GIVEN = np.arange(N) % C


class Blobs(Dataset):
    """Points around their class's corner; an item is pixels, label and what names the sample."""

    def __init__(self, names):
        self.names = names
        noise = np.random.default_rng(0).normal(0, 0.3, (N, D))
        self.pixels = torch.tensor(np.eye(C, D)[GIVEN] + noise, dtype=torch.float32)

    def __len__(self):
        return N

    def __getitem__(self, index):
        return self.pixels[index], int(GIVEN[index]), self.names[index]


def create(folder, **options):
    return RunWriter.create(folder, given_label=GIVEN, n_classes=C, n_epochs=EPOCHS, **options)


def train(log, names, *, autocast=False, skip=lambda epoch, index: False):
    """Train as the README does, and return what each step computed, in the order of the steps."""
    torch.manual_seed(0)
    data = Blobs(names)
    hidden, last = torch.nn.Linear(D, 8), torch.nn.Linear(8, C)
    optimizer = torch.optim.SGD([*hidden.parameters(), *last.parameters()], lr=0.5)
    seen = []
    with log:
        for epoch in range(1, EPOCHS + 1):
            kept = [i for i in range(N) if not skip(epoch, i)]
            subset = torch.utils.data.Subset(data, kept)
            for pixels, labels, sample_id in DataLoader(subset, batch_size=16, shuffle=True):
                with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
                    features = torch.relu(hidden(pixels))
                    logits = last(features)
                    loss = F.cross_entropy(logits, labels, reduction="none")
                    cosine = cosine_to_classes(features, last.weight)
                optimizer.zero_grad()
                loss.mean().backward()
                log.record(sample_id, logits, cosine=cosine, loss=loss)
                optimizer.step()
                ids = [names.index(i) for i in sample_id] if names is KEYS else sample_id.tolist()
                seen.append((epoch, ids, logits.detach().float().numpy(), loss.detach().numpy()))
            log.end_epoch(epoch)
        log.log_features(EPOCHS, torch.relu(hidden(data.pixels)), last.weight)
    return seen


def logits_of(run):
    kept = run.outputs(["logits"]).set_index(["epoch", "sample_id"])["logits"]
    return {key: np.asarray(value) for key, value in kept.items()}


@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("names", [list(range(N)), KEYS], ids=["numbers", "keys"])
def test_every_sample_gets_its_own_row_whatever_the_order(names, autocast, tmp_path):
    log = create(tmp_path / "run", source=KEYS)
    seen = train(log, names, autocast=autocast)
    run = RunReader(tmp_path / "run")
    assert run.epochs() == [1, 2, 3]
    assert run.samples()["source"].tolist() == KEYS
    signals = run.signals(["loss", "given_logit", "hm_weight"])
    table = signals.set_index(["epoch", "sample_id"])
    kept = logits_of(run)
    count = 0
    for epoch, ids, logits, losses in seen:
        for sample_id, row, loss in zip(ids, logits, losses, strict=True):
            assert table["loss"][epoch, sample_id] == pytest.approx(float(loss), rel=1e-6)
            assert table["given_logit"][epoch, sample_id] == row[GIVEN[sample_id]]
            assert kept[epoch, sample_id] == pytest.approx(row, rel=1e-3, abs=1e-4)
            count += 1
    assert count == EPOCHS * N
    assert signals.notna().all(axis=None)


def test_of_several_passes_in_an_epoch_the_last_counts(tmp_path):
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, N, C)).astype(np.float32)
    with create(tmp_path / "run") as log:
        log.record(torch.arange(N), torch.from_numpy(first))
        order = torch.randperm(N, generator=torch.Generator().manual_seed(0))
        log.record(order[:40], torch.from_numpy(second)[order[:40]])
        twice = torch.tensor([7, 7])  # twice in one batch, as an oversampling loader gives it
        log.record(twice, torch.stack([torch.zeros(C), torch.ones(C)]))
        log.end_epoch(1)
    expected = first.copy()
    expected[order[:40]] = second[order[:40]]
    expected[7] = 1
    run = RunReader(tmp_path / "run")
    found = run.signals(["given_logit"])["given_logit"].to_numpy()
    assert found.tolist() == expected[np.arange(N), GIVEN].tolist()
    assert len(found) == N
    loss = run.metrics()["train_loss"][0]
    assert loss == pytest.approx(
        F.cross_entropy(torch.from_numpy(expected), torch.from_numpy(GIVEN)).item(), rel=1e-5
    )


def missing(epoch, index):
    """Epoch 2 leaves out a tenth, the last epoch sample 3, every epoch sample 5."""
    return index == 5 or (epoch == 2 and index % 10 == 0) or (epoch == EPOCHS and index == 3)


@pytest.fixture
def gaps(tmp_path):
    true_label = np.where(np.arange(N) % 10 == 1, (GIVEN + 1) % C, GIVEN)
    train(create(tmp_path / "run", true_label=true_label), list(range(N)), skip=missing)
    return RunReader(tmp_path / "run")


def test_a_missed_sample_is_null_and_not_zero(gaps):
    columns = ["loss", "given_logit", "predicted_label", "confidence", "hm_weight", "margin"]
    signals = gaps.signals(columns)
    absent = [missing(e, i) for e, i in zip(signals["epoch"], signals["sample_id"], strict=True)]
    for column in columns:
        assert signals[column].isna().tolist() == absent, column
    kept = logits_of(gaps)
    assert sorted(kept) == sorted(
        (e, i) for e in range(1, EPOCHS + 1) for i in range(N) if not missing(e, i)
    )


def test_a_missed_sample_adds_nothing_to_a_score(gaps):
    signals = gaps.signals(["loss", "margin"])
    scores = score_table(gaps)
    mean = signals.groupby("sample_id")[["loss", "margin"]].mean()  # pandas leaves nulls out
    assert scores["mean_loss"].to_numpy() == pytest.approx(mean["loss"], nan_ok=True)
    assert scores["aum"].to_numpy() == pytest.approx(mean["margin"], nan_ok=True)
    assert scores.loc[5].isna().all()  # never seen
    of_last_epoch = [name for name, c in MAIN_CRITERIA.items() if c.over == "last"]
    assert scores.loc[3, of_last_epoch].isna().all()
    others = scores.drop(index=[3, 5])
    assert others.notna().all(axis=None)
    assert scores.loc[3].drop(of_last_epoch).notna().all()


def test_means_of_groups_and_metrics_leave_the_missed_out(gaps):
    signals = gaps.signals(["loss"])
    by_epoch = signals.groupby("epoch")["loss"].mean()
    assert gaps.metrics()["train_loss"].to_numpy() == pytest.approx(by_epoch, rel=1e-5)
    groups = gaps.samples()[["sample_id"]].assign(group="all")
    means = gaps.mean_signals(["loss"], groups)
    assert means["loss"].to_numpy() == pytest.approx(by_epoch, rel=1e-5)


def test_figures_of_a_run_with_gaps(gaps):
    curves = FIGURES["curves"].prepare(gaps, sample_ids=[3, 10])
    loss = curves.set_index(["sample_id", "epoch"])["loss"]
    assert loss[3].isna().tolist() == [False, False, True]
    assert loss[10].isna().tolist() == [False, True, False]
    table = FIGURES["distributions"].prepare(gaps, criteria=("last_loss", "mean_loss"))
    n_without = table.drop_duplicates(["criterion", "group"]).groupby("criterion")
    assert n_without["n_without_score"].sum().to_dict() == {"last_loss": 2, "mean_loss": 1}
    prepared = prepare_figures([gaps], ["all"])
    assert {"curves", "distributions", "detection", "logits", "sphere"} <= set(prepared.tables)
    for name, table in prepared.tables.items():
        assert FIGURES[name].draw(table).data, name
        assert FIGURES[name].typeset(table, Typography(3.3)).axes, name


def test_resumed_run_still_knows_its_keys(tmp_path):
    train(create(tmp_path / "run", source=KEYS), KEYS, skip=missing)
    with RunWriter.resume(tmp_path / "run", last_epoch=2) as log:
        log.record(KEYS[::-1], np.tile(np.arange(N)[::-1, None], (1, C)).astype(float))
        log.end_epoch(3)
    last = RunReader(tmp_path / "run").signals(["given_logit"], epochs=[3])
    assert last["given_logit"].tolist() == list(range(N))


@pytest.mark.parametrize(
    ("source", "batch", "said"),
    [
        (KEYS, ["img/000.png", "img/999.png"], "unknown sample 'img/999.png'"),
        (None, ["img/000.png"], "unknown sample 'img/000.png'"),
        (["same"] * N, ["same"], "names two samples 'same'"),
        (KEYS, np.array(["elsewhere"]), "unknown sample 'elsewhere'"),
        (KEYS, ("img/001.png", 3), r"hold 3 \(int\) beside keys"),
    ],
)
def test_unknown_and_doubled_keys_are_one_sentence(source, batch, said, tmp_path):
    log = create(tmp_path / "run", source=source)
    with pytest.raises(UsageError, match=said) as caught:
        log.record(batch, np.zeros((len(batch), C)))
    assert "\n" not in str(caught.value)
    log.record([0], np.zeros((1, C)))  # and nothing of the bad batch is kept
    log.end_epoch(1)
    log.finish()
    assert RunReader(tmp_path / "run").signals(["loss"])["loss"].notna().sum() == 1


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({}, "record_signals takes"),
        ({"margin": np.zeros(2)}, "got margin"),
        ({"hm_weight": np.zeros(2)}, "got hm_weight"),
        ({"loss": np.zeros(3)}, "2 sample ids but 3 rows of loss"),
    ],
)
def test_bad_columns_are_one_sentence(columns, said, tmp_path):
    log = create(tmp_path / "run")
    with pytest.raises(UsageError, match=said):
        log.record_signals([0, 1], **columns)
    log.finish()


def test_loss_of_another_shape_is_refused_at_the_call(tmp_path):
    log = create(tmp_path / "run")
    with pytest.raises(UsageError, match=r"loss must have shape \(B,\), got \(2, 1\)"):
        log.record([0, 1], np.zeros((2, C)), loss=np.zeros((2, 1)))
    log.finish()


def test_columns_without_logits(tmp_path):
    with create(tmp_path / "run", absent={"loss": "the source has none"}) as log:
        label = np.where(np.arange(N) == 4, np.nan, GIVEN)
        log.record_signals(np.arange(N), given_logit=np.ones(N), predicted_label=label)
        log.end_epoch(1)
    run = RunReader(tmp_path / "run")
    signals = run.signals(["loss", "given_logit", "other_logit", "predicted_label"])
    assert signals["loss"].isna().all()
    assert signals["other_logit"].isna().all()
    assert signals["given_logit"].eq(1).all()
    assert signals["predicted_label"].isna().tolist() == [i == 4 for i in range(N)]
    assert run.absent["loss"] == "the source has none"
    assert run.absent["topk_logit"] == "the loop recorded no such column"
    assert "given_logit" not in run.absent
    assert run.outputs().empty
    assert score_table(run).isna().all(axis=None)
