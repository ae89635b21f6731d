"""Inspect as Streamlit runs it: run states, classes, filters, picks, outlines, addresses."""

import base64
import io
import json

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.drawing.outlines import Outline, as_text
from dashboard.presenters.linked import Places
from dashboard.views.inspect.selection import pdf_of
from hmw_core import RunWriter
from hmw_core.log import verdicts
from hmw_core.log.reader import RunReader
from hmw_core.log.verdicts import Verdict
from tests.conftest import write_run
from tests.dashboard.views.steps import HTML_NAMES, gallery, in_address, open_page, said
from tests.dashboard.views.steps import gallery_samples as ids


def table(page: AppTest) -> pd.DataFrame:
    """Open the table; return what it shows."""
    page.session_state["table of samples"] = True
    page.run()
    return page.dataframe[-1].value


def numbers(coded: dict) -> np.ndarray:
    """Return an array as plotly's JSON has it."""
    return np.frombuffer(base64.b64decode(coded["bdata"]), coded["dtype"])


def button(page: AppTest, label: str):
    return next(found for found in page.button if found.label == label)


def mouse(page: AppTest) -> dict:
    """Return what the script that follows the mouse is told."""
    found = [json.loads(element.proto.json) for element in page.get("bidi_component")]
    return next(data for data in found if "classes" in data)


def has_map(page: AppTest) -> bool:
    return bool(page.get("plotly_chart"))


def around(places: Places, held: np.ndarray) -> str:
    """Return the address of a box around the samples whose place `held` marks."""
    x, y = places.x[held], places.y[held]
    low, high = (float(x.min()), float(y.min())), (float(x.max()), float(y.max()))
    return as_text([Outline("box", (low, high))])


def test_a_finished_run_shows_all_samples_most_suspicious_first(folder):
    write_run(folder / "tiny")
    page = open_page("samples", run="tiny")
    assert not page.error
    assert not page.warning
    assert has_map(page)
    assert "60 of 60 samples" in said(page)
    assert len(ids(page)) == 48
    assert set(ids(page)[:6]) == {0, 10, 20, 30, 40, 50}
    page.selectbox(key="choice order").select("last").run()
    assert not set(ids(page)) & {0, 10, 20, 30, 40, 50}
    assert in_address(page, "order") == "last"
    page.pagination[0].set_value(2).run()
    assert {0, 10, 20, 30, 40, 50} < set(ids(page))


@pytest.mark.parametrize("state", ["running", "stopped", "new", "unknown", "bare", "cut"])
def test_a_run_that_lacks_something(folder, state):
    writer = None
    if state in ("running", "stopped"):
        finish = "stopped" if state == "stopped" else None
        writer = write_run(folder / state, epochs=2, finish=finish)
    elif state == "new":
        writer = RunWriter.create(folder / state, given_label=[0, 1, 2], n_classes=3, n_epochs=5)
    elif state == "unknown":
        write_run(folder / state, known=False)
    elif state == "bare":
        write_run(folder / state, known=False, pictures=False, with_cosine=False)
    else:
        write_run(folder / state)
        file = folder / state / "signals" / "epoch-00003.parquet"
        file.write_bytes(file.read_bytes()[:200])
    page = open_page("samples", run=state)
    assert not page.error
    assert len(ids(page)) == (3 if state == "new" else 48)
    assert has_map(page) == (state != "new")
    assert not page.dataframe  # nothing of it is made before it is opened
    rows = table(page)
    if state == "new":
        assert "no features logged" in said(page)
        assert "No score" in said(page)
    if state in ("unknown", "bare"):
        assert "true label" not in page.selectbox(key="choice colour_by").options
        assert "is_mislabeled" not in page.selectbox(key="choice colour_by").options
        assert "true_label" not in rows
    if state == "bare":
        assert "keeps no pictures" in said(page)
        assert "picture" not in rows
    if writer and state in ("running", "new"):
        writer.finish("stopped", "by the test")


def test_without_any_run(folder):
    assert "no run" in said(open_page("samples"))


def test_a_run_without_features_has_gallery_and_table_and_says_why_no_map(folder):
    write_run(folder / "plain")
    for file in (folder / "plain" / "features").iterdir():
        file.unlink()
    page = open_page("samples", run="plain", outline=as_text([Outline("box", ((0, 0), (1, 1)))]))
    assert "No map: run 'plain' has no features logged" in said(page)
    assert len(ids(page)) == 48
    assert "60 of 60" in said(page)


def test_a_map_that_takes_long_is_offered(folder, monkeypatch):
    monkeypatch.setattr("dashboard.jobs.background.WAITED_FOR", 10)
    monkeypatch.setattr("dashboard.jobs.background.UNASKED_UP_TO", 10)
    write_run(folder / "tiny")
    page = open_page("samples", run="tiny")
    assert "There is no map" in said(page)
    assert page.button(key="map tiny")
    assert len(ids(page)) == 48


@pytest.mark.parametrize(
    ("address", "expected", "words"),
    [
        ({"class": "1", "mislabeled": "mislabeled"}, {0, 10, 20, 30, 40, 50}, "given 1"),
        ({"true": "2", "class": "2"}, {2, 7, *range(12, 60, 5)}, "true 2"),
        ({"predicted": "4"}, set(range(4, 60, 5)), "predicted 4"),
        ({"limit": "iam", "top": "6"}, {0, 10, 20, 30, 40, 50}, "top 6 of IAM"),
        ({"limit": "aum", "high": "0"}, {0, 10, 20, 30, 40, 50}, "at most 0"),
        ({"verdict": "relabel"}, {10}, "verdict relabel"),
        ({"agree": "both", "both_top": "6"}, {0, 10, 20, 30, 40, 50}, "in the top 6 of"),
    ],
)
def test_filters_come_from_the_address_and_are_said(folder, address, expected, words):
    write_run(folder / "tiny")
    verdicts.append(RunReader(folder / "tiny"), [Verdict(10, "relabel", 1, new_label=0)])
    page = open_page("samples", run="tiny", **address)
    assert set(ids(page)) == expected
    assert words in said(page)
    assert all(in_address(page, key) == value for key, value in address.items())
    button(page, "Show all").click().run()
    n_shown = {"1": 18, "2": 12}.get(address.get("class"), 60)
    assert f"{n_shown} of 60 samples" in said(page)
    assert page.query_params.keys() & address.keys() <= {"class"}


def test_two_criteria_that_rank_alike_leave_nothing_for_one_alone(folder):
    write_run(folder / "tiny")
    page = open_page("samples", run="tiny", agree="only_first", both_top="6")
    assert ids(page) == []
    assert "No sample passes" in said(page)
    assert "0 of 60 samples" in said(page)


@pytest.mark.parametrize(
    ("key", "value", "answer"),
    [
        ("given", "77", "Class: there is no “77”"),
        ("class", "77", "Class: there is no “77”"),
        ("sample", "60", "Sample: there is no “60”"),
        ("sample", "<b>", "Sample: there is no “<b>”"),
        ("sample", "²", "Sample: there is no “²”"),
        ("limit_epoch", "1.5", "At epoch: “1.5” is not a number"),
        ("histogram", "magic", "Criterion: there is no “magic”"),
        ("true", "-1", "True label: there is no “-1”"),
        ("verdict", "<script>", "Verdict: there is no “<script>”"),
        ("limit", "magic", "Criterion: there is no “magic”"),
        ("top", "0", "Top: “0” is not a number"),
        ("top", "9" * 40, "is not a number"),
        ("low", "nan", "From: “nan” is not a number"),
        ("high", "inf", "To: “inf” is not a number"),
        ("colour_by", "iam; drop", "Colour by: there is no"),
        ("order", "sideways", "Order: there is no"),
        ("outline", "l<img src=x>", "outline in the address is damaged"),
        ("outline", "b" + "A" * 5000, "outline in the address is damaged"),
        ("outline", "l" + "A" * 64000, "more than 2,000 corners"),
        ("pick", "60", "is not a list of samples"),
        ("pick", "-1", "is not a list of samples"),
        ("pick", "1,,2", "is not a list of samples"),
        ("pick", "9" * 400, "is not a list of samples"),
        ("pick", "../../etc", "is not a list of samples"),
    ],
)
def test_hostile_address_is_refused_with_a_word(folder, key, value, answer):
    write_run(folder / "tiny")
    state = {"histogram of scores": True}
    page = open_page("samples", state, run="tiny", **{key: value})
    assert answer in said(page)
    assert "60 of 60 samples" in said(page)
    page.run()
    assert answer not in said(page)


def test_names_with_html_stay_names(folder):
    write_run(folder / "html", class_names=HTML_NAMES)
    page = open_page("samples", run="html", **{"class": "1"})
    assert "given <img src=x onerror=alert(1)>" in said(page)
    assert "<img src=x" not in gallery(page)
    assert "&lt;img src=x" in gallery(page)


@pytest.mark.parametrize(
    "names", [["same"] * 5, ["unknown", "a", "b", "c", "d"], ["not judged", "", " ", "0", "1"]]
)
def test_class_names_that_are_alike(folder, names):
    write_run(folder / "alike")
    path = folder / "alike" / "run.json"  # version 0.1 took such names when a run was made
    info = json.loads(path.read_text())
    info["dataset"]["class_names"] = names
    path.write_text(json.dumps(info))
    assert has_map(open_page("samples", run="alike"))


@pytest.mark.parametrize(
    "colour", ["given_label", "true_label", "is_mislabeled", "predicted_label", "verdict", "iam"]
)
@pytest.mark.parametrize("drawn_as", ["markers", "picture"])
def test_colours(folder, monkeypatch, colour, drawn_as):
    if drawn_as == "picture":
        monkeypatch.setattr("dashboard.presenters.linked_cloud.MARKERS_UP_TO", 10)
        monkeypatch.setattr("dashboard.drawing.screen_cloud.MARKERS_UP_TO", 10)
    write_run(folder / "tiny")
    run = RunReader(folder / "tiny")
    verdicts.append(run, [Verdict(10, "relabel", 1, new_label=0), Verdict(3, "keep", 3)])
    page = open_page("samples", run="tiny", colour_by=colour, predicted="1", pick="0,6")
    assert has_map(page)
    spec = json.loads(page.get("plotly_chart")[0].proto.spec)
    pictures = [image["opacity"] for image in spec["layout"]["images"]]
    assert pictures[0] < 1  # pale, of what the filter leaves out
    assert (len(pictures) > 1) == (drawn_as == "picture")
    # Plotly draws one picture of those that have the same place and size.
    assert len({(i["x"], i["y"], i["sizex"]) for i in spec["layout"]["images"]}) == len(pictures)
    traces = {trace.get("name"): trace for trace in spec["data"]}
    assert ("most suspicious" in traces) == (drawn_as == "picture")
    assert numbers(traces["picked"]["customdata"]).tolist() == [0, 6]
    told = mouse(page)
    assert 6 in told["id"]
    assert set(map(len, (told["id"], told["given"], told["score"], told["rank"]))) == {
        len(told["id"])
    }
    assert told["anywhere"] == (drawn_as == "picture")


def test_an_outline_in_the_address_holds_what_its_geometry_says(folder):
    write_run(folder / "tiny")
    places = Places(RunReader(folder / "tiny"))
    held = places.x <= np.median(places.x)
    expected = set(places.sample_id[held].tolist())
    page = open_page("samples", run="tiny", outline=around(places, held))
    assert set(ids(page)) == expected
    assert f"{len(expected)} of 60 samples**: inside the outline" in said(page)
    spec = json.loads(page.get("plotly_chart")[0].proto.spec)
    assert [shape["type"] for shape in spec["layout"]["shapes"]] == ["rect"]
    button(page, "Show all").click().run()
    assert "60 of 60" in said(page)
    assert "outline" not in page.query_params


def test_another_run_begins_without_outline_and_picks(folder):
    write_run(folder / "one")
    write_run(folder / "two")
    page = open_page("samples", run="one", outline=as_text([Outline("box", ((0, 0), (1, 1)))]))
    page.query_params["pick"] = "3"
    page.run()
    assert "inside the outline" in said(page)
    page.selectbox[0].select("two").run()
    assert "60 of 60 samples" in said(page)
    assert not {"outline", "pick"} & page.query_params.keys()


def test_picked_samples_are_what_the_buttons_are_about(folder):
    write_run(folder / "tiny")
    page = open_page("samples", run="tiny", pick="7,3")
    labels = [button.label for button in page.button]
    assert {"Review the 2 picked", "Review the 60 shown", "These 2 are all …"} <= set(labels)
    assert in_address(page, "sample") == "3"
    button(page, "Unpick").click().run()
    assert "Review the 2 picked" not in [button.label for button in page.button]
    assert not {"pick", "sample"} & page.query_params.keys()


def test_review_gets_the_selection(folder):
    write_run(folder / "tiny")
    page = open_page("samples", run="tiny", **{"class": "1"}, mislabeled="mislabeled")
    button(page, "Review the 6 shown").click().run()
    handed = page.session_state["review selection"]
    assert handed["run"] == "tiny"
    assert set(handed["sample_ids"]) == {0, 10, 20, 30, 40, 50}
    assert "6 shown" in handed["what"]


def test_csv_is_of_what_is_shown(folder):
    write_run(folder / "tiny")
    page = open_page("samples", run="tiny", limit="iam", top="6")
    from dashboard.presenters.linked import Samples, as_csv

    samples = Samples(RunReader(folder / "tiny"))
    table = pd.read_csv(io.BytesIO(as_csv(samples, np.array(ids(page)), {})))
    assert set(table["sample_id"]) == {0, 10, 20, 30, 40, 50}
    assert table["rank_iam"].tolist() == [1, 2, 3, 4, 5, 6]


def test_a_verdict_is_seen_at_the_next_look(folder):
    write_run(folder / "tiny")
    page = open_page("samples", run="tiny", verdict="keep")
    assert ids(page) == []
    verdicts.append(RunReader(folder / "tiny"), [Verdict(3, "keep", 3)])
    page.run()
    assert ids(page) == [3]


def test_epochs_that_come_are_seen_and_an_earlier_one_can_be_asked_for(folder):
    write_run(folder / "tiny")
    late = open_page("samples", run="tiny", criterion="last_loss")
    early = open_page("samples", run="tiny", criterion="last_loss", epoch="1")
    one, four = (table(page).set_index("sample_id") for page in (early, late))
    assert (one["last_loss"] != four["last_loss"].reindex(one.index)).any()


def test_why_these_compares_the_selection(folder):
    write_run(folder / "tiny")
    page = open_page("samples", run="tiny", limit="iam", top="6")
    page.toggle(key="why these").set_value(True).run()
    assert not page.exception
    assert any("Why these?" in heading.value for heading in page.subheader)


def test_why_these_is_about_the_outline_also_when_a_card_is_picked(folder):
    write_run(folder / "tiny")
    places = Places(RunReader(folder / "tiny"))
    outline = around(places, places.sample_id % 5 == 1)
    page = open_page("samples", {"why these": True}, run="tiny", outline=outline, pick="3")
    n = len(ids(page))
    assert 1 < n < 60
    assert f"{n} samples against the other {60 - n}" in said(page)


def test_the_address_of_a_sample_picks_and_shows_it(folder):
    write_run(folder / "tiny")
    page = open_page("samples", run="tiny", sample="17, 3")
    assert in_address(page, "pick") == "17"
    assert "Sample 17" in [heading.value for heading in page.subheader]
    first = open_page("sample", run="tiny")
    assert int(in_address(first, "sample")) % 10 == 0  # the most suspicious one


def test_another_class_begins_without_picks_and_outline(folder):
    write_run(folder / "tiny")
    box = as_text([Outline("box", ((-1e6, -1e6), (1e6, 1e6)))])
    page = open_page("samples", run="tiny", **{"class": "1"}, pick="1,6", outline=box)
    assert "18 of 60 samples**: given 1 · inside the outline" in said(page)
    assert set(ids(page)) == set(RunReader(folder / "tiny").sample_ids(1))
    page.selectbox(key="choice class").select("2").run()
    assert "12 of 60 samples**: given 2" in said(page)
    assert not {"pick", "sample", "outline"} & page.query_params.keys()


def test_a_class_says_its_samples_and_suspects_in_the_bar(folder):
    write_run(folder / "tiny")
    page = open_page("samples", run="tiny")
    assert "1 · 18 samples, 6 suspects" in page.selectbox(key="choice class").options
    assert "IAM finds" in said(page)


def test_the_map_of_a_class_fits_it_and_marks_what_lies_outside(folder, monkeypatch):
    write_run(folder / "tiny")
    run = RunReader(folder / "tiny")
    places = Places(run)
    mine = run.sample_ids(1)
    far = int(mine[0])

    class Far(Places):
        def __init__(self, run):
            super().__init__(run)
            self.x = np.where(self.sample_id == far, np.float32(1e4), self.x)

    monkeypatch.setattr("dashboard.cached.samples.Places", Far)
    page = open_page("samples", run="tiny", **{"class": "1"}, colour_by="given_label")
    spec = json.loads(page.get("plotly_chart")[0].proto.spec)
    low, high = spec["layout"]["xaxis"]["range"]
    others = np.isin(places.sample_id, mine[1:])
    assert low < places.x[others].min()
    assert places.x[others].max() < high < 1e4
    traces = {trace.get("name"): trace for trace in spec["data"]}
    assert numbers(traces["outside"]["customdata"]).tolist() == [far]
    assert traces["outside"]["marker"]["symbol"] == ["triangle-right"]
    assert "1 lies outside" in said(page)


def test_a_histogram_is_made_when_it_is_opened_and_a_drag_filters(folder):
    write_run(folder / "tiny")
    page = open_page("samples", run="tiny", criterion="aum")
    assert len(page.get("plotly_chart")) == 1
    page.session_state["histogram of scores"] = True
    page.run()
    assert len(page.get("plotly_chart")) == 2
    page.selectbox(key="choice histogram").select("iam").run()
    assert in_address(page, "histogram") == "iam"
    page.selectbox(key="choice histogram_epoch").select("2").run()
    assert len(page.get("plotly_chart")) == 2


def test_a_limit_at_another_epoch(folder):
    write_run(folder / "tiny")
    page = open_page("samples", run="tiny", limit="aum", high="0", limit_epoch="2")
    assert set(ids(page)) == {0, 10, 20, 30, 40, 50}
    assert "AUM up to epoch 2 at most 0" in said(page)
    button(page, "Show all").click().run()
    assert "60 of 60 samples" in said(page)
    assert "limit_epoch" not in page.query_params
    last = open_page("samples", run="tiny", limit="aum", high="0", limit_epoch="4")
    assert "AUM at most 0" in said(last)


@pytest.mark.parametrize("given_label", [None, 1])
def test_the_figure_of_the_map_comes_in_each_colour_that_a_figure_has(folder, given_label):
    write_run(folder / "tiny")
    run = RunReader(folder / "tiny")
    epoch = None if given_label is None else 2  # Fig. 4's scores are those of its features
    colours = {"is_mislabeled": None, "hm_weight": epoch, "given_label": None, "aum": None}
    made = [pdf_of(run, given_label, colour, epoch) for colour, epoch in colours.items()]
    assert all(pdf.startswith(b"%PDF") for pdf in made)
    assert len(set(made)) == len(made)


def test_no_pdf_of_a_colour_that_no_figure_has(folder):
    write_run(folder / "tiny")
    page = open_page("samples", run="tiny", colour_by="verdict")
    (offered,) = [found for found in page.get("download_button") if found.proto.label == "PDF"]
    assert offered.proto.disabled
    assert "no figure shows the verdict" in offered.proto.help
    page = open_page("samples", run="tiny", colour_by="aum", epoch="2")
    (offered,) = [found for found in page.get("download_button") if found.proto.label == "PDF"]
    assert "no features of epoch 2" in offered.proto.help
