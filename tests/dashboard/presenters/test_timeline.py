"""The Timeline page: its epochs, places, ranks and costs; and the page while it plays."""

import base64

import numpy as np
import pandas as pd
import pytest

from dashboard.figures import FIGURES
from dashboard.figures.base import CannotShow
from dashboard.presenters import timeline_page
from hmw_core import RunReader, RunWriter
from hmw_core.criteria.kept import score_table
from hmw_core.feature_space import class_circle
from hmw_core.laboratory import timeline
from hmw_core.laboratory.memorised import fitted
from tests.conftest import N_CLASSES, N_EPOCHS, N_SAMPLES, write_run
from tests.dashboard.views.steps import HTML_NAMES, in_address, open_page, said, shown_samples


@pytest.fixture
def long_run(tmp_path) -> RunReader:
    """A hundred epochs of twelve samples in three classes, features at two of them."""
    given = np.arange(12) % 3
    writer = RunWriter.create(
        tmp_path / "long", given_label=given, true_label=None, n_classes=3, n_epochs=100
    )
    for epoch in range(1, 101):
        features = np.eye(3)[given] + 0.001 * epoch
        cosine = features / np.linalg.norm(features, axis=1, keepdims=True)
        writer.record(np.arange(12), logits=features, cosine=cosine)
        writer.end_epoch(epoch)
        if epoch in (37, 100):
            writer.flush()
            writer.log_features(epoch, features, np.eye(3))
    writer.finish("finished")
    return RunReader(tmp_path / "long")


def test_shown_epochs_are_few_and_close_at_the_start():
    epochs = list(range(1, 101))
    shown = timeline.shown_epochs(epochs)
    assert shown[:5] == [1, 2, 3, 4, 5]
    assert shown[-1] == 100
    assert len(shown) <= timeline.MOST_EPOCHS
    assert timeline.shown_epochs(epochs, most=4) == [1, 5, 22, 100]
    assert timeline.shown_epochs(epochs, most=100) == epochs


def test_epochs_of_the_circle(tmp_path, tiny_run, long_run):
    assert timeline.circle_epochs(tiny_run) == list(range(1, N_EPOCHS + 1))
    assert len(timeline.circle_epochs(long_run)) == 100
    write_run(tmp_path / "plain", with_cosine=False)
    # Without cosines in the outputs, those of the logged features.
    plain = RunReader(tmp_path / "plain")
    assert timeline.circle_epochs(plain) == [N_EPOCHS]
    assert timeline.positions(plain).epochs == (N_EPOCHS,)


def test_positions_have_each_sample_where_the_circle_has_it(tiny_run):
    positions = timeline.positions(tiny_run)
    assert positions.epochs == tuple(range(1, N_EPOCHS + 1))
    found = class_circle.logged_cosines(tiny_run, 3)
    np.testing.assert_array_equal(positions.sample_id, found.sample_id)
    places = class_circle.circle(found.cosine)
    np.testing.assert_array_equal(np.column_stack([positions.x[2], positions.y[2]]), places)


def test_positions_of_a_class_and_of_a_random_choice(tiny_run):
    of_class = timeline.positions(tiny_run, given_label=1)
    assert set(of_class.sample_id) == set(tiny_run.sample_ids(1).tolist())
    few = timeline.positions(tiny_run, most=10)
    assert len(few.sample_id) == 10
    wrong = tiny_run.samples()["is_mislabeled"].to_numpy(bool)
    assert wrong[few.sample_id].sum() == 5  # half; six are mislabeled
    left_out = np.setdiff1d(np.arange(N_SAMPLES), few.sample_id)[0]
    assert left_out in timeline.positions(tiny_run, most=10, also=[left_out]).sample_id
    again = timeline.positions(tiny_run, most=10)
    np.testing.assert_array_equal(few.sample_id, again.sample_id)


def test_the_browser_gets_places_in_the_frame_and_none_for_a_sample_without(tmp_path):
    rng = np.random.default_rng(0)
    given = np.arange(30) % 3
    writer = RunWriter.create(tmp_path / "run", given_label=given, n_classes=3, n_epochs=2)
    for epoch in (1, 2):
        features = np.eye(3)[given] + rng.normal(0, 0.3, (30, 3))
        features[4] *= epoch == 1  # has no direction at the second
        writer.record(np.arange(30), logits=features)
        writer.end_epoch(epoch)
        writer.flush()
        writer.log_features(epoch, features, np.eye(3))
    positions = timeline.positions(RunReader(tmp_path / "run"))
    assert not np.isnan(positions.x[0, 4])
    assert np.isnan(positions.x[1, 4])
    text = timeline_page.quantised(positions.x[1], positions.y[1])
    whole = np.frombuffer(base64.b64decode(text), "<u2").reshape(-1, 2)
    assert whole[4].tolist() == [65535, 65535]
    back = whole[7, 0] / 65534 * 2.5 - 1.25, 1.25 - whole[7, 1] / 65534 * 2.5
    np.testing.assert_allclose(back, [positions.x[1, 7], positions.y[1, 7]], atol=2.5 / 60_000)
    writer.finish("finished")


def test_ranks_by_epoch_are_those_of_the_scores_up_to_it(tiny_run):
    ranks = timeline.rank_table(tiny_run, "aum", [2, 4])
    for epoch in (2, 4):
        score = score_table(tiny_run, ["aum"], epoch)["aum"]
        order = score.sort_index().sort_values(kind="stable").index  # low is suspicious
        assert ranks[str(epoch)].sort_values().index.tolist() == order.tolist()


def test_changes_of_rank_by_hand():
    ranks = pd.DataFrame({"1": [1, 2, 3, 0], "2": [3, 1, 2, 4]}, index=[0, 1, 2, 3])
    table = timeline.top(ranks, 2, 1)
    assert table["sample_id"].tolist() == [1, 2, 0, 3]
    assert table["change"].tolist() == [1, 1, -2, pd.NA]
    assert [timeline_page.change_text(change) for change in table["change"]] == [
        "▲1",
        "▲1",
        "▼2",
        "new",
    ]
    assert timeline_page.change_text(0) == "="
    first = timeline.top(ranks, 1, None, [1, 2, 3])
    assert first["sample_id"].tolist() == [1, 2]
    assert first["change"].isna().all()


def test_moment_by_counting(tiny_run):
    state = timeline.moment(tiny_run, 2)
    signals = tiny_run.signals(["predicted_label", "hm_weight"], epochs=[2])
    samples = tiny_run.samples()
    wrong = samples["is_mislabeled"].to_numpy(bool)
    is_fit = signals["predicted_label"].to_numpy() == samples["given_label"].to_numpy()
    assert state.fitted["clean"] == is_fit[~wrong].mean()
    assert state.fitted["mislabeled"] == is_fit[wrong].mean()
    assert state.as_true == 1.0  # the tiny run's features lie near the true class
    assert np.isnan(state.fitted["unknown"])
    weight = signals["hm_weight"].to_numpy()
    assert state.mean_weight["clean"] == pytest.approx(weight[~wrong].mean())
    assert sum(state.bins["mislabeled"]) == pytest.approx(1.0, abs=1e-3)


def test_moment_of_unknown_labels_and_no_weights(tmp_path):
    write_run(tmp_path / "run", known=False, with_cosine=False)
    state = timeline.moment(RunReader(tmp_path / "run"), 1)
    assert np.isnan(state.fitted["clean"])
    assert 0 <= state.fitted["unknown"] <= 1
    assert state.bins == {}
    assert "cosines" in state.why_no_weights


@pytest.mark.parametrize("colour", timeline_page.COLOURS)
def test_every_colour_has_an_index_into_its_palette(tiny_run, colour):
    ranks = timeline.rank_table(tiny_run, "iam", [4])
    ids = np.arange(N_SAMPLES)
    paint = timeline_page.paint(tiny_run, colour, ids, 4, ranks, "iam")
    assert paint.index.dtype == np.uint8
    assert paint.index.max() < len(paint.palette)
    assert bool(paint.legend) != bool(paint.scale)
    if colour == "rank":
        most = ranks["4"].idxmin()
        assert paint.index[most] == timeline_page.SHADES - 1
        assert "light is most suspicious" in paint.scale
    if colour == "is_mislabeled":
        wrong = tiny_run.samples()["is_mislabeled"].to_numpy(bool)
        np.testing.assert_array_equal(paint.index, wrong.astype(int))


def test_unknown_true_labels_are_grey(unknown_run):
    ranks = timeline.rank_table(unknown_run, "iam", [4])
    paint = timeline_page.paint(unknown_run, "true_label", np.arange(N_SAMPLES), 4, ranks, "iam")
    assert (paint.index == N_CLASSES).all()
    assert ("unknown", paint.palette[-1]) in paint.legend


def test_rank_figure_marks_when_a_label_was_memorised(tiny_run):
    table = FIGURES["timeline_ranks"].prepare(tiny_run, criterion="aum", sample_ids=[3, 10])
    assert table["n_ranked"].unique().tolist() == [N_SAMPLES]
    memorised = fitted(tiny_run)["first_memorised"]
    for sample_id, part in table.groupby("sample_id"):
        ranks = timeline.rank_table(tiny_run, "aum", part["epoch"].tolist())
        assert part["rank"].tolist() == ranks.loc[sample_id].tolist()
        got = part["first_memorised"].iloc[0]
        want = memorised.loc[sample_id]
        assert (pd.isna(got) and pd.isna(want)) or got == want


def test_frames_figure_refuses_a_log_without_cosines(tmp_path):
    writer = RunWriter.create(tmp_path / "run", given_label=[0, 1, 2], n_classes=3, n_epochs=1)
    writer.record(np.arange(3), logits=np.eye(3))
    writer.end_epoch(1)
    writer.finish("finished")
    with pytest.raises(CannotShow, match="neither cosines"):
        FIGURES["timeline_frames"].prepare(RunReader(tmp_path / "run"))


# -- the page


def test_page_of_a_finished_run(folder):
    write_run(folder / "tiny")
    page = open_page("timeline", run="tiny")
    assert not page.error
    assert not page.warning
    assert "Most suspicious up to epoch 4" in page.subheader[0].value
    ranks = timeline.rank_table(RunReader(folder / "tiny"), "iam", [1, 2, 3, 4])
    want = ranks["4"].sort_values().index[:16].astype(str).tolist()
    assert shown_samples(page) == want
    table = open_page("timeline", run="tiny", shows="table").dataframe[0].value
    assert {"first fitted (epoch)", "memorised for good (epoch)", "rank at 4"} <= set(table)


def test_address_says_the_epoch_and_a_wrong_one_is_said(folder):
    write_run(folder / "tiny")
    page = open_page("timeline", run="tiny", epoch="2")
    assert "up to epoch 2" in page.subheader[0].value
    assert in_address(page, "epoch") == "2"
    page.select_slider[0].set_value(3).run()
    assert in_address(page, "epoch") == "3"
    assert "up to epoch 3" in page.subheader[0].value


@pytest.mark.parametrize("epoch", ["99", "-1", "x", "0"])
def test_an_epoch_that_is_not_there_is_said(folder, epoch):
    write_run(folder / "tiny")
    page = open_page("timeline", run="tiny", epoch=epoch)
    assert f"Epoch: there is no “{epoch}” here" in said(page)
    assert "up to epoch 4" in page.subheader[0].value


def test_play_goes_on_by_itself_and_ends_at_the_last(folder, monkeypatch):
    write_run(folder / "tiny")
    page = open_page("timeline", run="tiny")
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    page.button(key="timeline play").click().run()
    shown = [page.select_slider[0].value]
    assert page.button(key="timeline play").label == "Pause"
    for _ in range(4):
        clock[0] += 2.0
        page.run()
        shown.append(page.select_slider[0].value)
    assert shown == [1, 2, 3, 4, 4]
    assert page.button(key="timeline play").label == "Play"


def test_moving_the_slider_stops_playing(folder, monkeypatch):
    write_run(folder / "tiny")
    page = open_page("timeline", run="tiny")
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    page.button(key="timeline play").click().run()
    page.select_slider[0].set_value(3).run()
    assert page.button(key="timeline play").label == "Play"
    assert page.select_slider[0].value == 3


def test_an_address_of_the_former_map_shows_the_circle(folder):
    write_run(folder / "tiny")
    page = open_page("timeline", run="tiny", map="joint")
    assert not page.error
    assert "this shows the circle of classes" in said(page)
    assert "Every class has a corner" in said(page)


@pytest.mark.parametrize(
    "how", [{"known": False}, {"with_cosine": False}, {"pictures": False}, {"epochs": 1}]
)
def test_page_of_a_poorer_log(folder, how):
    write_run(folder / "tiny", **how)
    page = open_page("timeline", run="tiny")
    assert not page.error
    if how == {"known": False}:
        table = open_page("timeline", run="tiny", shows="table").dataframe[0].value
        assert "mislabeled" not in table


def test_page_before_the_first_epoch_and_without_any_run(folder):
    assert "no run" in said(open_page("timeline"))
    writer = RunWriter.create(folder / "new", given_label=[0, 1, 2], n_classes=3, n_epochs=5)
    assert "No epoch is finished yet" in said(open_page("timeline", run="new"))
    writer.finish("stopped", "by the test")


@pytest.mark.parametrize("part", ["ranks", "frames"])
def test_figures_over_the_epochs(folder, part):
    write_run(folder / "tiny")
    page = open_page("timeline", run="tiny", shows=part)
    assert not page.error
    assert "Not shown" not in said(page)
    assert not page.select_slider  # they show all epochs at once


def test_many_classes_have_no_corners_and_the_page_says_why(folder, monkeypatch):
    write_run(folder / "tiny")
    data = []
    monkeypatch.setattr(
        "dashboard.views.laboratory.timeline.show_animation", lambda made, *_: data.append(made)
    )
    assert "too many for a circle" not in said(open_page("timeline", run="tiny"))
    monkeypatch.setattr("dashboard.views.laboratory.timeline.MOST_CORNERS", 4)
    page = open_page("timeline", run="tiny")
    assert "5 classes are too many for a circle: their corners, one every 72 degrees" in said(page)
    assert [bool(made["anchors"]) for made in data] == [True, False]


def test_names_with_html_stay_names(folder):
    write_run(folder / "html", class_names=HTML_NAMES)
    page = open_page("timeline", run="html", colour="given_label")
    for block in page.get("html"):
        assert "<img src=x" not in block.proto.body
        assert "<b>bold" not in block.proto.body
