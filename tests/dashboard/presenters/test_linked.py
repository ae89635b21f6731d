"""Outlines against a crossing-number count, filters against plain comprehensions, and the order."""

import dataclasses
import io
import math

import numpy as np
import pandas as pd
import pytest

from dashboard.drawing.outlines import MOST_CORNERS, Outline, Plane, as_text, from_text, outlines_of
from dashboard.presenters import linked
from dashboard.presenters.linked import (
    AGREEMENTS,
    KNOWN,
    UNJUDGED,
    UNKNOWN,
    Agreement,
    Filters,
    Limit,
    Places,
    Samples,
    as_csv,
    in_order,
    rows,
)
from hmw_core import RunWriter
from hmw_core.criteria import MAIN_CRITERIA
from hmw_core.criteria.compute import score_of
from hmw_core.errors import UsageError
from hmw_core.log.reader import RunReader
from tests.conftest import write_run


def crosses(point: tuple[float, float], corners: list[tuple[float, float]]) -> bool:
    """Tell whether a ray to the right of a point crosses an odd number of edges."""
    x, y = point
    odd = False
    for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            odd = not odd
    return odd


@pytest.mark.parametrize("seed", range(60))
def test_a_lasso_holds_what_crossing_numbers_say(seed):
    rng = np.random.default_rng(seed)
    n_corners = int(rng.integers(3, 60))
    points = rng.normal(size=(300, 2)).astype(np.float32)
    corners = rng.normal(size=(n_corners, 2)).astype(np.float32)
    if seed % 3 == 0:  # a lasso as a hand draws it, that does not cross itself
        turn = np.sort(rng.uniform(0, 2 * np.pi, n_corners))
        radius = rng.uniform(0.5, 1.5, n_corners)
        corners = np.column_stack([np.cos(turn), np.sin(turn)]) * radius[:, None]
    if seed % 3 == 1:  # corners and points of a grid: level edges, corners on points' heights
        corners = rng.integers(-3, 4, (n_corners, 2)).astype(np.float32)
        points = rng.integers(-6, 7, (300, 2)).astype(np.float32) / 2
    outline = Outline("lasso", tuple(map(tuple, corners.tolist())))
    found = Plane(points[:, 0], points[:, 1]).inside([outline])
    assert found.tolist() == [crosses(p, list(outline.corners)) for p in points.tolist()]


@pytest.mark.parametrize("seed", range(10))
def test_a_box_holds_its_edges_and_outlines_add_up(seed):
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 10, (200, 2)).astype(np.float32)
    boxes = [Outline("box", tuple(map(tuple, rng.integers(0, 10, (2, 2)).tolist()))) for _ in "ab"]
    found = Plane(points[:, 0], points[:, 1]).inside(boxes)
    held = [
        any(
            min(x0, x1) <= x <= max(x0, x1) and min(y0, y1) <= y <= max(y0, y1)
            for (x0, y0), (x1, y1) in (box.corners for box in boxes)
        )
        for x, y in points.tolist()
    ]
    assert found.tolist() == held


def test_a_point_that_is_nowhere_is_in_no_outline():
    everything = Outline("box", ((-9.0, -9.0), (9.0, 9.0)))
    around = Outline("lasso", ((-9.0, -9.0), (9.0, -9.0), (0.0, 9.0)))
    x, y = np.array([0.0, np.nan, 0.0, np.nan]), np.array([0.0, 0.0, np.nan, np.nan])
    for outline in (everything, around):
        assert Plane(x, y).inside([outline]).tolist() == [True, False, False, False]


def test_no_points_and_no_outlines():
    nothing = np.empty(0)
    assert Plane(nothing, nothing).inside([Outline("box", ((0.0, 0.0), (1.0, 1.0)))]).size == 0
    assert not Plane(np.zeros(3), np.zeros(3)).inside([]).any()


@pytest.mark.parametrize("seed", range(20))
def test_the_address_gives_the_very_same_outline(seed):
    rng = np.random.default_rng(seed)
    selection = {
        "box": [{"x": rng.normal(size=2), "y": rng.normal(size=2)}] * (seed % 2),
        "lasso": [
            {"x": rng.normal(size=n) * 10.0**seed, "y": rng.normal(size=n)}
            for n in rng.integers(3, 90, 2)
        ],
    }
    outlines = outlines_of(selection)
    text = as_text(outlines)
    assert from_text(text) == outlines
    assert all(c.isalnum() or c in "-_." for c in text)  # nothing that an address would escape


def test_a_lasso_by_hand_fits_the_address():
    turn = np.linspace(0, 2 * np.pi, 200)
    outlines = outlines_of({"lasso": [{"x": np.cos(turn), "y": np.sin(turn)}]})
    assert len(as_text(outlines)) < 2_200


@pytest.mark.parametrize(
    "text",
    ["l", "b", "x" + "A" * 32, "lAAAA", "l!!!!", "b" + "A" * 43, "l" + "A" * 21, "l<script>", "é"],
)
def test_a_damaged_outline_is_refused(text):
    with pytest.raises(UsageError, match="damaged"):
        from_text(text)


def test_an_outline_of_no_number_or_too_many_corners_is_refused():
    nan = Outline("lasso", ((math.nan, 0.0), (1.0, 0.0), (0.0, 1.0)))
    with pytest.raises(UsageError, match="damaged"):
        from_text(as_text([nan]))
    many = Outline("lasso", ((0.0, 0.0),) * (MOST_CORNERS + 1))
    with pytest.raises(UsageError, match="more than"):
        from_text(as_text([many]))


@pytest.fixture
def samples(tiny_run) -> Samples:
    return Samples(tiny_run)


def table_of(run: RunReader, samples: Samples) -> pd.DataFrame:
    """Return what the filters read, another way: straight from the log."""
    table = run.samples().set_index("sample_id")
    last = run.signals(["predicted_label"], epochs=[run.last_epoch]).set_index("sample_id")
    table["predicted_label"] = last["predicted_label"]
    for name, criterion in MAIN_CRITERIA.items():
        table[name] = score_of(criterion, run)
    return table


def test_labels_scores_and_ranks_are_those_of_the_log(tiny_run, samples):
    table = table_of(tiny_run, samples)
    for name in ("given_label", "true_label", "predicted_label", "is_mislabeled"):
        assert getattr(samples, name).tolist() == table[name].astype(int).tolist()
    for name, criterion in MAIN_CRITERIA.items():
        np.testing.assert_allclose(samples.score(name), table[name], rtol=1e-6)
        suspicion = table[name] if criterion.higher_means == "mislabeled" else -table[name]
        best_first = sorted(range(60), key=lambda i: (-suspicion[i], i))
        assert samples.order(name).tolist() == best_first
        assert samples.rank(name)[best_first].tolist() == list(range(1, 61))


@pytest.mark.parametrize("higher_means", ["clean", "mislabeled"])
def test_a_few_ranks_are_those_of_all(tiny_run, monkeypatch, higher_means):
    rng = np.random.default_rng(1)
    score = rng.integers(0, 6, 60).astype(float)  # many ties
    score[[4, 9, 30]] = np.nan, np.inf, -np.inf
    criterion = dataclasses.replace(MAIN_CRITERIA["aum"], higher_means=higher_means)
    monkeypatch.setattr(Samples, "score", lambda self, name: score)
    monkeypatch.setattr(Samples, "criterion", lambda self, name: criterion)
    sign = 1 if higher_means == "clean" else -1
    scored = [i for i in range(60) if math.isfinite(score[i])]
    best_first = sorted(scored, key=lambda i: (sign * score[i], i))
    expected = [best_first.index(i) + 1 if i in best_first else 0 for i in range(60)]
    few = Samples(tiny_run)
    assert few.ranks_of("aum", np.arange(60)).tolist() == expected
    assert few.rank("aum").tolist() == expected
    assert few.order("aum").tolist() == [*best_first, 4, 9, 30]
    assert few.n_scored("aum") == 57
    assert few.ranks_of("aum", np.array([30, 7, 7])).tolist() == [0, expected[7], expected[7]]


def test_only_what_is_asked_for_is_read(tiny_run, monkeypatch):
    asked = []
    real = linked.score_table

    def noted(run, criteria, epoch):
        asked.append(list(criteria))
        return real(run, criteria, epoch)

    monkeypatch.setattr(linked, "score_table", noted)
    samples = Samples(tiny_run)
    samples.rank("iam")
    samples.order("iam")
    rows(samples, [1, 2], tiny_run.class_names, {}, ["iam", "aum", "tkum"])
    assert asked == [["iam"], ["aum", "tkum"]]


def test_each_filter_keeps_what_it_says(tiny_run, samples):
    table = table_of(tiny_run, samples)
    verdict = {3: "keep", 10: "relabel", 11: "keep"}
    tests = {
        Filters(given_label=2): table["given_label"] == 2,
        Filters(true_label=1): table["true_label"] == 1,
        Filters(predicted_label=4): table["predicted_label"] == 4,
        Filters(is_mislabeled="mislabeled"): table["is_mislabeled"],
        Filters(is_mislabeled="clean"): ~table["is_mislabeled"],
        Filters(is_mislabeled="unknown"): table["is_mislabeled"].isna(),
        Filters(verdict="keep"): table.index.isin([3, 11]),
        Filters(verdict=UNJUDGED): ~table.index.isin([3, 10, 11]),
        Filters(verdict="skip"): table.index < 0,
        Filters(limit=Limit("aum", top=6)): table["aum"].rank() <= 6,
        Filters(limit=Limit("aum", low=1.0, high=2.5)): table["aum"].between(1.0, 2.5),
        Filters(limit=Limit("mean_loss", low=0.5)): table["mean_loss"] >= 0.5,
        Filters(given_label=1, is_mislabeled="mislabeled"): (table["given_label"] == 1)
        & table["is_mislabeled"],
    }
    for filters, expected in tests.items():
        assert filters.passed(samples, verdict).tolist() == list(expected), filters
        assert len(filters.said(tiny_run.class_names)) >= 1


def test_agreement_parts_the_samples_in_four(samples):
    first, second = samples.rank("last_loss") <= 20, samples.rank("hm_weight") <= 20
    found = {
        which: Filters(agreement=Agreement(which, "last_loss", "hm_weight", 20)).passed(samples, {})
        for which in AGREEMENTS
    }
    assert sum(found.values()).tolist() == [1] * 60
    assert found["both"].tolist() == (first & second).tolist()
    assert found["only_first"].tolist() == (first & ~second).tolist()
    assert found["only_second"].tolist() == (second & ~first).tolist()
    assert found["only_first"].any()
    said = Filters(agreement=Agreement("only_first", "last_loss", "iam", 20)).said([])
    assert said == ["in the top 20 of Last loss, not of IAM"]


def test_unknown_true_labels_are_a_filter_and_never_clean(unknown_run):
    samples = Samples(unknown_run)
    assert samples.is_mislabeled.tolist() == [KNOWN["unknown"]] * 60
    assert not Filters(is_mislabeled="clean").passed(samples, {}).any()
    assert Filters(true_label=UNKNOWN).passed(samples, {}).all()


def test_samples_without_a_score_come_last_in_either_order(tmp_path):
    run = RunWriter.create(tmp_path / "part", given_label=[0, 1, 0, 1, 0], n_classes=2, n_epochs=1)
    run.record([3, 1], logits=[[2.0, 1.0], [1.0, 2.0]])
    run.end_epoch(1)
    run.finish()
    samples = Samples(RunReader(tmp_path / "part"))
    everything = np.ones(5, dtype=bool)
    assert in_order(samples, everything, "mean_loss", first=True).tolist() == [3, 1, 0, 2, 4]
    assert in_order(samples, everything, "mean_loss", first=False).tolist() == [1, 3, 0, 2, 4]
    assert not Filters(limit=Limit("mean_loss", top=4)).passed(samples, {})[[0, 2, 4]].any()
    assert samples.predicted_label.tolist() == [UNKNOWN, 1, UNKNOWN, 0, UNKNOWN]


def test_before_the_first_epoch_nothing_is_scored(tmp_path):
    writer = RunWriter.create(tmp_path / "new", given_label=[1, 0], n_classes=2, n_epochs=3)
    samples = Samples(RunReader(tmp_path / "new"))
    assert samples.order("iam").tolist() == [0, 1]
    assert samples.rank("iam").tolist() == [0, 0]
    writer.finish("stopped", "by the test")


def test_rows_name_labels_and_leave_unknown_ones_null(tiny_run, unknown_run, samples):
    table = rows(samples, [10, 3], tiny_run.class_names, {3: "keep"}, ["iam"])
    assert table["sample_id"].tolist() == [10, 3]
    assert table["given_label"].tolist() == ["1", "3"]
    assert table["is_mislabeled"].tolist() == [True, False]
    assert table["verdict"].isna().tolist() == [True, False]
    assert table["verdict"][1] == "keep"
    assert table["rank_iam"].tolist() == samples.rank("iam")[[10, 3]].tolist()
    unknown = rows(Samples(unknown_run), [10], unknown_run.class_names, {}, ["iam"])
    assert unknown[["true_label", "is_mislabeled", "verdict"]].isna().all(axis=None)


def test_csv_holds_numbers_in_the_order_shown_and_no_text_of_a_user(tmp_path):
    write_run(tmp_path / "html", class_names=["=cmd()", "+1", "@x", "-2", "a,b"])
    samples = Samples(RunReader(tmp_path / "html"))
    text = as_csv(samples, np.array([20, 5, 7]), {5: "relabel"}).decode()
    assert "cmd" not in text
    table = pd.read_csv(io.StringIO(text))
    assert set(table["fingerprint"]) == {samples.provenance["fingerprint"]}
    assert set(table["last_epoch"]) == {samples.epoch}
    assert table["sample_id"].tolist() == [20, 5, 7]
    assert table["given_label"].tolist() == samples.given_label[[20, 5, 7]].tolist()
    assert table["verdict"].tolist()[1] == "relabel"
    for name in MAIN_CRITERIA:
        np.testing.assert_allclose(table[name], samples.score(name)[[20, 5, 7]])
        assert table[f"rank_{name}"].tolist() == samples.rank(name)[[20, 5, 7]].tolist()


def test_a_runs_name_in_the_csv_is_no_formula(tmp_path):
    write_run(tmp_path / "=1+2")
    samples = Samples(RunReader(tmp_path / "=1+2"))
    table = pd.read_csv(io.BytesIO(as_csv(samples, np.array([3]), {})))
    assert table["run"].tolist() == ["'=1+2"]


def test_an_outline_on_the_map_gives_sample_ids_by_row(tiny_run):
    places = Places(tiny_run)
    left = Outline("box", ((-1e6, -1e6), (float(np.median(places.x)), 1e6)))
    held = {
        int(i) for i, x in zip(places.sample_id, places.x, strict=True) if x <= np.median(places.x)
    }
    assert set(np.flatnonzero(places.inside((left,))).tolist()) == held
    everything = Outline("box", ((-1e6, -1e6), (1e6, 1e6)))
    assert places.inside((everything,)).all()
    assert set(np.flatnonzero(places.inside((left,))).tolist()) == held
