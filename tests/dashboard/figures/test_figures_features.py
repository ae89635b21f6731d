"""The figures of features: angles, maps and weights, checked by hand; what they refuse."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dashboard.drawing import screen_cloud
from dashboard.drawing.cloud import in_turns, panel_names
from dashboard.drawing.raster import CELLS, Square, raster_of_categories, raster_of_values
from dashboard.drawing.style import CLASS_COLOURS, GROUP_COLOURS, Typography
from dashboard.figures import FIGURES, maps
from dashboard.figures.base import CannotShow
from dashboard.figures.paper import (
    class_clusters,
    class_weights,
    clusters,
    sphere,
    weight_histogram,
)
from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError
from hmw_core.feature_space.projection import project
from tests.conftest import write_run

# In the first epoch the weight is its slice: of a sample at its class vector, with the others
# equally far, Eq. 12 gives (1 + 1) / 2 to within exp(-50).
HM_WEIGHT = 1.0 - 1e-7
VECTORS = np.array([[2.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 3, 0]], np.float32)


def run_of(folder, features, given, vectors=VECTORS, *, n_classes=3, true=None, weight=None):
    """A run of one epoch with these features; cosines, too, where there are class vectors."""
    writer = RunWriter.create(
        folder, given_label=given, true_label=true, n_classes=n_classes, n_epochs=1
    )
    features = np.asarray(features, np.float32)
    logits = np.zeros((len(given), n_classes), np.float32)
    cosine = None
    if vectors is not None:
        logits = features @ vectors.T
        lengths = np.linalg.norm(features, axis=1, keepdims=True)
        both = np.linalg.norm(vectors, axis=1) * lengths
        cosine = logits / np.maximum(both, 1e-9)
    used = weight if weight is None else np.full(len(given), weight, np.float32)
    writer.record(np.arange(len(given)), logits=logits, cosine=cosine, weight=used)
    writer.end_epoch(1)
    writer.flush()
    writer.log_features(1, features, vectors)
    writer.finish()
    return RunReader(folder)


def rows_of(table, sample_id):
    return table[table["sample_id"] == sample_id].set_index("kind")


# -- sphere


@pytest.fixture
def angles_run(tmp_path):
    features = [[1, 1, 0, 0], [1, 0, 0, 1], [0, -1, 2, 0], [3, 0, 0, 0]]
    return run_of(tmp_path / "angles", features, [0, 0, 1, 2])


def test_sphere_has_the_true_angles(angles_run):
    table = sphere.prepare(angles_run, sample_ids=[0, 1, 2])
    first = rows_of(table, 0)
    assert first.loc[["given", "nearest", "next"], "angle"].tolist() == pytest.approx([45, 45, 90])
    assert first.loc[["given", "nearest", "next"], "class_name"].tolist() == ["0", "1", "2"]
    third = rows_of(table, 2)  # of class 1, from which it points away
    assert third.loc["given", "angle"] == pytest.approx(np.degrees(np.arccos(-1 / 5**0.5)))
    assert third.loc[["nearest", "next"], "class_name"].tolist() == ["2", "0"]


def drawn_angles(figure):
    """The angle in degrees between each class vector and the sample, as a renderer was told it."""
    if hasattr(figure, "axes"):  # Matplotlib: radians along, length outward
        axes = figure.axes[0]
        assert axes.name == "polar"
        assert axes.get_theta_direction() * axes.get_theta_offset() == 0
        rays = {line.get_label(): np.degrees(line.get_xdata()) for line in axes.lines}
    else:
        assert figure.layout.polar.angularaxis.rotation is None  # from the right, anticlockwise
        rays = {ray.name: np.array(ray.theta) for ray in figure.data if ray.subplot == "polar"}
    sample = rays.pop("the sample")
    named = {name: ray for name, ray in rays.items() if name and not name.startswith("_")}
    for ray in (sample, *named.values()):
        assert ray[0] == ray[1]  # straight out from the middle
    return {name.split(",")[0]: ray[1] - sample[1] for name, ray in named.items()}


@pytest.mark.parametrize("width", [None, 3.3, 7.0])
def test_drawn_angles_are_those_of_the_logged_cosines(tmp_path, width):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(5, 7)).astype(np.float32)
    run = run_of(tmp_path / "a", rng.normal(size=(30, 7)), np.arange(30) % 5, vectors, n_classes=5)
    columns = ["given_distance", "other_distance", "topk_distance"]  # (1 - cosine) / 2
    logged = run.signals(columns).set_index("sample_id")[columns]
    expected = np.degrees(np.arccos(1 - 2 * logged))
    for sample_id in run.sample_ids():
        table = sphere.prepare(run, sample_ids=[sample_id])
        figure = FIGURES["sphere"].draw(table)
        drawn = drawn_angles(
            figure if width is None else FIGURES["sphere"].typeset(table, Typography(width))
        )
        wanted = dict(zip(sphere.VECTORS, expected.loc[sample_id], strict=True))
        assert drawn == pytest.approx(wanted, abs=0.1)  # features are kept in half precision


def test_sphere_of_two_classes_has_no_next_vector(tmp_path):
    run = run_of(tmp_path / "a", [[1, 1], [0, 1]], [0, 1], np.eye(2, dtype=np.float32), n_classes=2)
    table = sphere.prepare(run, sample_ids=[0])
    assert table["kind"].tolist() == ["given", "nearest"]
    FIGURES["sphere"].typeset(table, Typography(3.3))


def test_sphere_takes_only_an_epoch_with_features(angles_run):
    with pytest.raises(CannotShow, match="no features of epoch 7, only of 1"):
        sphere.prepare(angles_run, epoch=7)


@pytest.mark.parametrize(
    ("features", "vectors", "said"),
    [
        ([[0, 0, 0, 0]], VECTORS, "features after epoch 1 are zero"),
        ([[1, 0, 0, 0]], None, "no class vectors of epoch 1"),
        ([[1, 0, 0, 0]], np.zeros_like(VECTORS), "are zero or not finite"),
    ],
)
def test_sphere_refuses_what_has_no_direction(tmp_path, features, vectors, said):
    run = run_of(tmp_path / "a", features, [0], vectors)
    with pytest.raises(CannotShow, match=said):
        sphere.prepare(run, sample_ids=[0])


def test_sphere_stacks_in_a_column_and_stands_in_rows_on_a_page(angles_run):
    table = sphere.prepare(angles_run, sample_ids=[0, 1, 2, 3])
    column, page = (FIGURES["sphere"].typeset(table, Typography(width)) for width in (3.3, 7.0))
    assert len({round(axes.get_position().x0, 3) for axes in column.axes}) == 1
    assert len({round(axes.get_position().y0, 3) for axes in page.axes}) == 2


# -- clusters


@pytest.mark.parametrize("label", ["given_label", "true_label"])
def test_clusters_colour_every_sample_by_its_class(tiny_run, label):
    table = clusters.prepare([tiny_run], label)
    samples = table[table["kind"] == "sample"].set_index("sample_id")
    expected = tiny_run.samples()[label].astype(int).astype(str)
    assert samples["value"].loc[expected.index].tolist() == expected.tolist()
    assert table["kind"].eq("class").sum() == tiny_run.n_classes
    drawn = FIGURES["clusters"].draw(table)
    colours = {trace.name: trace.marker.color for trace in drawn.data if trace.name}
    assert [colours[str(label)] for label in range(5)] == CLASS_COLOURS[:5]


def test_clusters_colour_by_a_criterion_with_its_range_said(tiny_run):
    table = clusters.prepare([tiny_run], "iam")
    values = table.loc[table["kind"] == "sample", "value"]
    assert table["low"].iloc[0] == pytest.approx(values.quantile(0.01))
    assert table["title"].iloc[0] == "IAM (logit), 1st to 99th percentile"
    assert clusters.prepare([tiny_run], "confidence")[["low", "high"]].iloc[0].tolist() == [0, 1]


def test_clusters_say_which_label_colours_them(tiny_run, unknown_run):
    by_default = clusters.prepare([tiny_run])
    assert set(by_default["colour"]) == {"true_label"}
    title = FIGURES["clusters"].draw(by_default).layout.annotations[0].text
    assert "60 samples coloured by true label" in title
    unknown = clusters.prepare([tiny_run, unknown_run])
    assert set(unknown["colour"]) == {"given_label"}
    [left, _] = FIGURES["clusters"].typeset(unknown, Typography(7.0)).axes
    assert "coloured by given label" in left.get_title()


@pytest.mark.parametrize("colour", ["is_mislabeled", "true_label"])
def test_clusters_need_the_true_label_that_they_colour_by(unknown_run, colour):
    with pytest.raises(CannotShow, match="'unknown' knows no true label"):
        clusters.prepare([unknown_run], colour)


def test_clusters_name_the_known_colours(tiny_run):
    with pytest.raises(UsageError, match="unknown colour 'blue'; known: given_label"):
        clusters.prepare([tiny_run], "blue")


def test_clusters_need_features(tmp_path):
    write_run(tmp_path / "a")
    for file in (tmp_path / "a" / "features").iterdir():
        file.unlink()
    run = RunReader(tmp_path / "a")
    with pytest.raises(CannotShow, match="run 'a' has no features logged$"):
        clusters.prepare([run])
    writer = write_run(tmp_path / "b", epochs=0, finish=None)
    with pytest.raises(CannotShow, match="no features logged; they come with its last epoch"):
        sphere.prepare(RunReader(tmp_path / "b"))
    writer.finish("stopped")


def test_runs_of_one_name_have_panels_of_their_own(tiny_run):
    assert panel_names([tiny_run, tiny_run]) == ["tiny (1)", "tiny (2)"]
    table = clusters.prepare([tiny_run, tiny_run])
    assert len(FIGURES["clusters"].typeset(table, Typography(7.0)).axes) == 2
    assert len(FIGURES["clusters"].draw(table).layout.annotations) == 2


@pytest.mark.parametrize("colour", ["given_label", "is_mislabeled", "hm_weight"])
def test_each_marker_on_screen_is_one_sample(tiny_run, colour):
    table = clusters.prepare([tiny_run], colour)
    drawn = FIGURES["clusters"].draw(table)
    places = {
        int(sample_id): (x, y)
        for trace in drawn.data
        if trace.customdata is not None
        for sample_id, x, y in zip(trace.customdata, trace.x, trace.y, strict=True)
    }
    samples = table[table["kind"] == "sample"]
    assert sum(len(t.x) for t in drawn.data if t.customdata is not None) == len(samples)
    for row in samples.itertuples():
        assert places[row.sample_id] == pytest.approx((row.x, row.y))


def test_a_continuous_scale_has_few_steps_on_screen_and_the_number_in_the_hover(tmp_path):
    rng = np.random.default_rng(0)
    run = run_of(tmp_path / "a", rng.normal(size=(300, 4)), np.arange(300) % 3)
    table = clusters.prepare([run], "confidence")
    [trace] = [t for t in FIGURES["clusters"].draw(table).data if t.customdata is not None]
    assert 10 < len(set(trace.marker.color.tolist())) <= screen_cloud.STEPS
    exact = table.dropna(subset="sample_id").set_index("sample_id")["value"]
    assert float(trace.text[0]) == pytest.approx(exact[trace.customdata[0]], rel=1e-2)
    assert trace.marker.color[0] == pytest.approx(exact[trace.customdata[0]], abs=0.5 / 63 + 1e-6)


@pytest.mark.parametrize("colour", ["given_label", "is_mislabeled", "hm_weight"])
def test_many_samples_are_one_picture_over_two_invisible_corners(tiny_run, colour, monkeypatch):
    monkeypatch.setattr(screen_cloud, "MARKERS_UP_TO", 20)
    table = clusters.prepare([tiny_run], colour)
    drawn = FIGURES["clusters"].draw(table)
    assert not [trace for trace in drawn.data if trace.customdata is not None]
    [picture] = drawn.layout.images
    assert picture.sizing == "stretch"
    corners = drawn.data[0]
    assert (len(corners.x), corners.marker.opacity) == (2, 0)
    samples = table[table["kind"] == "sample"]
    assert min(corners.x) < samples["x"].min() < samples["x"].max() < max(corners.x)
    assert (picture.x, picture.y) == (min(corners.x), max(corners.y))
    assert len(drawn.to_json()) < 200_000


def test_no_group_is_drawn_as_a_whole_after_another():
    samples = pd.DataFrame({"value": ["clean"] * 500 + ["mislabeled"] * 500, "n": range(1000)})
    parts = list(in_turns(samples, "value"))
    assert [name for name, _ in parts[:4]] == ["clean", "mislabeled"] * 2
    assert sorted(pd.concat([part for _, part in parts])["n"]) == list(range(1000))


# -- raster


def pixels(address):
    encoded = address.removeprefix("data:image/png;base64,")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))


def test_raster_puts_a_point_where_the_axes_say():
    x, y = np.array([0.0, 10.0]), np.array([0.0, 5.0])
    square = Square(x, y)
    drawn = pixels(raster_of_categories(x, y, np.array([0, 1]), ["#ff0000", "#0000ff"], square))
    assert drawn.shape == (CELLS, CELLS, 4)
    for at_x, at_y, colour in ((0.0, 0.0, [255, 0, 0]), (10.0, 5.0, [0, 0, 255])):
        column = int((at_x - square.left) / square.side * CELLS)
        row = int((square.top - at_y) / square.side * CELLS)
        assert drawn[row, column, :3].tolist() == colour
        assert drawn[row, column, 3] > 0
    assert drawn[CELLS // 2, CELLS // 4, 3] == 0  # clear where there is no point


def test_raster_shows_the_commonest_category_and_the_mean_value():
    at = np.zeros(3)
    square = Square(np.array([-1.0, 1.0]), np.array([-1.0, 1.0]))
    middle = (CELLS // 2, CELLS // 2)
    common = raster_of_categories(at, at, np.array([1, 0, 1]), ["#ff0000", "#0000ff"], square)
    assert pixels(common)[middle][:3].tolist() == [0, 0, 255]
    palette = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    mean = raster_of_values(at, at, np.array([0.0, 0.5, 1.0]), palette, square)
    assert pixels(mean)[middle][0] == 128


def test_raster_is_what_plain_loops_draw():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 300)) * 0.02
    x[:3], y[:3] = (-1.0, 1.0, 0.0), (-1.0, 0.0, 1.0)
    category, share = rng.integers(0, 3, 300), rng.random(300)
    square = Square(x, y)
    colours = ["#ff0000", "#00ff00", "#0000ff"]
    counts, total = np.zeros((3, CELLS, CELLS)), np.zeros((CELLS, CELLS))
    for at in range(300):
        column = int((x[at] - square.left) / square.side * CELLS)
        row = int((square.top - y[at]) / square.side * CELLS)
        counts[category[at], row - 1 : row + 2, column - 1 : column + 2] += 1
        total[row - 1 : row + 2, column - 1 : column + 2] += share[at]
    covered = counts.sum(axis=0) > 0
    drawn = pixels(raster_of_categories(x, y, category, colours, square))
    palette = np.eye(3) * 255
    assert (drawn[covered][:, :3] == palette[counts.argmax(axis=0)][covered]).all()
    assert (drawn[covered][:, 3] >= 153).all()  # 60 % and more
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    mean = 255 * total[covered] / counts.sum(axis=0)[covered]
    drawn = pixels(raster_of_values(x, y, share, grey, square))
    assert np.abs(drawn[covered][:, 0] - mean).max() <= 0.5 + 1e-9


def test_raster_leaves_out_what_lies_outside_its_square():
    square = Square(np.array([-1.0, 1.0]), np.array([-1.0, 1.0]))
    far = np.array([0.0, 5.0, -5.0, 0.0, 0.0])
    at = np.array([0.0, 0.0, 0.0, 5.0, -5.0])
    alone = raster_of_categories(far[:1], at[:1], np.array([0]), ["#ff0000"], square)
    assert raster_of_categories(far, at, np.zeros(5, int), ["#ff0000"], square) == alone


# -- maps


def test_a_large_run_is_not_projected_while_one_waits(tmp_path, monkeypatch):
    monkeypatch.setattr(maps, "AT_ONCE", 10)
    write_run(tmp_path / "a run")
    run = RunReader(tmp_path / "a run")
    with pytest.raises(CannotShow, match="60 samples to project, more than the 10") as error:
        clusters.prepare([run])
    assert f"python -m dashboard.project '{run.folder}'" in str(error.value)
    project(run)  # as the command does
    assert len(clusters.prepare([run])) == 65


def test_a_class_of_a_large_run_gets_a_map_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(maps, "AT_ONCE", 20)
    write_run(tmp_path / "a")
    run = RunReader(tmp_path / "a")
    n_in_class = len(run.sample_ids(2))
    of_class = maps.map_of(run, given_label=2)
    assert set(of_class["of"]) == {"class"}
    assert of_class["kind"].eq("sample").sum() == n_in_class
    project(run)
    assert set(maps.map_of(run, given_label=2)["of"]) == {"run"}


def test_the_map_of_a_class_is_a_part_of_the_runs(tiny_run):
    whole = maps.map_of(tiny_run).set_index("sample_id")
    part = maps.map_of(tiny_run, given_label=1)
    samples = part[part["kind"] == "sample"]
    assert set(samples["sample_id"]) == set(tiny_run.sample_ids(1).tolist())
    assert samples["x"].tolist() == whole.loc[samples["sample_id"], "x"].tolist()


def test_samples_without_a_place_are_counted(tmp_path):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(12, 4))
    features[[3, 5]] = 0
    run = run_of(tmp_path / "a", features, np.arange(12) % 3)
    drawn = FIGURES["clusters"].draw(clusters.prepare([run]))
    assert "10 samples (2 more have no place)" in drawn.layout.annotations[0].text


# -- one class


def test_class_clusters_hold_one_class_and_its_star(tiny_run):
    table = class_clusters.prepare([tiny_run], given_label=1)
    samples = table[table["kind"] == "sample"]
    assert set(samples["sample_id"]) == set(tiny_run.sample_ids(1).tolist())
    assert table.loc[table["kind"] == "class", "class_label"].tolist() == [1]
    wrong = tiny_run.samples()["is_mislabeled"].loc[samples["sample_id"].astype(int)]
    assert samples["value"].eq("mislabeled").tolist() == wrong.tolist()
    colours = {t.name: t.marker.color for t in FIGURES["class_clusters"].draw(table).data if t.name}
    assert colours["mislabeled"] == GROUP_COLOURS["mislabeled"]


def test_class_clusters_work_without_true_labels(unknown_run):
    table = class_clusters.prepare([unknown_run])
    assert set(table["value"].dropna()) == {"unknown"}


@pytest.mark.parametrize("prepare", [class_clusters.prepare, class_weights.prepare])
def test_a_class_must_be_one_of_the_runs(tiny_run, prepare):
    with pytest.raises(CannotShow, match="no class 9; its classes are 0 to 4"):
        prepare([tiny_run], given_label=9)


def test_class_weights_are_the_logged_ones(tiny_run):
    table = class_weights.prepare([tiny_run], given_label=2, epoch=3)
    samples = table[table["kind"] == "sample"].set_index("sample_id")["value"]
    logged = tiny_run.signals(["hm_weight"], given_label=2, epochs=[3]).set_index("sample_id")
    assert samples.loc[logged.index].tolist() == pytest.approx(logged["hm_weight"].tolist())
    scale = FIGURES["class_weights"].draw(table).layout.coloraxis
    assert (scale.cmin, scale.cmax) == (0, 1)


def test_weights_need_cosines(tmp_path):
    write_run(tmp_path / "a", with_cosine=False)
    run = RunReader(tmp_path / "a")
    for figure in (class_weights, weight_histogram):
        with pytest.raises(CannotShow, match="no HM weights: its log holds no cosines"):
            figure.prepare([run] if figure.FIGURE.many else run)


def test_weight_histogram_counts_every_sample_once(tiny_run):
    table = weight_histogram.prepare(tiny_run, hard_fraction=0.2)
    assert table["count"].sum() == 60
    counts = table.drop_duplicates("group").set_index("group")["n_samples"].to_dict()
    assert counts == {"clean": 43, "hard": 11, "mislabeled": 6}
    assert table.groupby("group")["share"].sum().tolist() == pytest.approx([1, 1, 1])
    assert table[["bin_left", "bin_right"]].iloc[[0, -1]].to_numpy()[[0, 1], [0, 1]].tolist() == [
        0,
        1,
    ]


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        (None, "logged only: the run says no weight of its losses"),
        (1.0, "logged only: every loss counted in full"),
        (HM_WEIGHT, "used on the loss"),
        (5.0, "logged only: the losses had other weights"),
    ],
)
def test_weight_histogram_says_whether_the_weights_were_used(tmp_path, weight, said):
    run = run_of(tmp_path / "a", np.eye(3, 4), [0, 1, 2], weight=weight)
    table = weight_histogram.prepare(run)
    assert set(table["use"]) == {said}
    assert set(table["group"]) == {"unknown"}
