"""The page Paper: runs side by side, the look of the figures, and an export of what is shown."""

import io
import json
import re
import shlex
import zipfile

import pytest

from dashboard.export.__main__ import main
from tests.conftest import write_run
from tests.dashboard.views.steps import HTML_NAMES, in_address, open_page, said

TABS = (
    *("curves", "logits", "sphere", "clusters", "class"),
    *("parameters", "accuracy", "tables", "export"),
)


def open_tab(tab, **address):
    """Open a tab of Paper, also one that has no address of its own."""
    return open_page("export", **address | {"tab": tab})


def titles(page):
    """Return the titles of the panels of the first chart on the page."""
    chart = json.loads(page.get("plotly_chart")[0].proto.spec)
    return [note["text"] for note in chart["layout"]["annotations"]]


def downloads(page):
    return [button.proto.label for button in page.get("download_button")]


@pytest.fixture
def pair(folder):
    """The two runs that the paper compares, and a newer one that it would not."""
    write_run(folder / "cce", recipe="CCE")
    write_run(folder / "hmw", recipe="CCE+HMW-code")
    write_run(folder / "stopped", recipe="CCE", epochs=2, finish="stopped")
    return folder


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_of_a_run_and_its_counterpart(pair, tab):
    page = open_tab(tab, run="cce")
    assert not page.error
    assert not page.warning


@pytest.mark.parametrize("tab", TABS)
def test_tabs_without_true_labels_pictures_or_cosines(folder, tab):
    write_run(
        folder / "real", known=False, pictures=False, with_cosine=False, class_names=HTML_NAMES
    )
    page = open_tab(tab, run="real")
    assert not page.error
    assert "crosses" not in said(page)


def test_the_counterpart_stands_beside_the_run_and_the_address_keeps_another(pair):
    page = open_tab("clusters", run="cce")
    assert page.multiselect[0].value == ["hmw"]
    assert "beside" not in page.query_params
    page.multiselect[0].set_value(["hmw", "stopped"]).run()
    assert json.loads(in_address(page, "beside")) == ["hmw", "stopped"]
    page.multiselect[0].set_value([]).run()
    assert json.loads(in_address(page, "beside")) == []
    page.selectbox(key="choice run").select("hmw").run()
    assert page.multiselect[0].value == ["cce"]
    page.selectbox(key="choice run").select("cce").run()
    assert page.multiselect[0].value == []
    page = open_tab("clusters", run="cce", beside='["stopped"]')
    assert page.multiselect[0].value == ["stopped"]
    page = open_tab("clusters", run="cce", beside="../secret")
    assert "there is no run “../secret” here" in said(page)


def test_the_look_is_in_the_address_and_on_the_figures(pair):
    page = open_tab("curves", run="cce", titles="{recipe}, $\\eta$ = {noise_rate}", letters="yes")
    assert titles(page)[:2] == ["(a) CCE, η = 0.1", "(b) CCE, η = 0.1"]
    page.text_input(key="choice titles").set_value("{rate}").run()
    assert "no placeholder {rate}" in said(page) + page.error[0].value.replace("\\", "")
    assert not page.exception
    page.toggle(key="choice letters").set_value(False).run()
    assert "letters" not in page.query_params
    page.selectbox(key="choice palette").select("paper").run()
    assert in_address(page, "palette") == "paper"
    chart = json.loads(page.get("plotly_chart")[0].proto.spec)
    assert {trace["line"]["color"].upper() for trace in chart["data"]} >= {"#D62728", "#2CA02C"}


def test_the_loss_axis_and_what_is_hard_are_choices_of_the_look(pair):
    page = open_tab("curves", run="cce")
    page.selectbox(key="choice loss").select("log").run()
    chart = json.loads(page.get("plotly_chart")[0].proto.spec)
    assert chart["layout"]["yaxis"]["type"] == "log"
    assert in_address(page, "loss") == "log"
    assert "mean loss finds worst" in said(page)
    page.selectbox(key="choice hard").select("aum").run()
    assert "AUM finds worst" in said(page)
    assert in_address(page, "hard") == "aum"


def test_without_a_sweep_fig_7_says_how_to_get_one(pair):
    page = open_tab("parameters", run="cce")
    assert "python -m training sweep figure-7" in page.code[0].value


def test_tables_hold_every_run_side_by_side(pair):
    page = open_tab("tables", run="cce")
    rows = page.dataframe[0].value.iloc[:, 0].tolist()
    assert [row for row in rows if row.endswith(": test")] == ["cce: test", "hmw: test"]
    assert downloads(page).count("LaTeX") == len(page.dataframe) > 1


# -- export


def made_zip(page):
    page.button(key="make cce-figures.zip").click().run()
    assert not page.exception
    _, data, _ = page.session_state["made cce-figures.zip"]
    return zipfile.ZipFile(io.BytesIO(data))


def test_export_writes_the_ticked_figures_as_they_are_shown(pair):
    page = open_tab("export", run="cce", sample="3,17", epoch="2", titles="{run}", **{"class": "1"})
    ticked = [box for box in page.checkbox if box.value]
    assert all("Fig." in box.label for box in ticked)
    page.button(key="tick None").click().run()
    assert not any(box.value for box in page.checkbox)
    page.checkbox(key="x curves").check().run()
    page.checkbox(key="x clusters").check().run()
    page.button_group[0].set_value(["csv", "svg"]).run()
    assert "Download cce-figures.zip" not in downloads(page)
    with made_zip(page) as archive:
        names = archive.namelist()
        assert names[:4] == [
            "fig1-curves-1-cce.csv",
            "fig1-curves-1-cce.svg",
            "fig4-clusters-cce-and-1-more.csv",
            "fig4-clusters-cce-and-1-more.svg",
        ]
        table = archive.read("fig1-curves-1-cce.csv").decode().splitlines()
        assert len(table) == 1 + 2 * 2  # two samples, two epochs
        assert "CCE+HMW-code" in archive.read("fig4-clusters-cce-and-1-more.csv").decode()
        assert ">hmw<" in re.sub(r"\s", "", archive.read(names[3]).decode())
    assert "Download cce-figures.zip" in downloads(page)
    page.checkbox(key="x curves").uncheck().run()  # what was made is not what is ticked now
    assert "Download cce-figures.zip" not in downloads(page)


def test_the_command_of_the_page_writes_the_same_files(pair, tmp_path):
    page = open_tab("export", run="cce", palette="paper", letters="yes", **{"class": "1"})
    page.button(key="tick None").click().run()
    page.checkbox(key="x curves").check().run()
    words = shlex.split(page.code[0].value)
    assert words[:3] == ["python", "-m", "dashboard.export"]
    out = tmp_path / "out"
    assert main([str(out) if word == "OUT" else word for word in words[3:]]) == 0
    with made_zip(page) as archive:
        for name in archive.namelist():
            assert (out / name).read_bytes() == archive.read(name), name
    assert (out / "report.html").exists()


def test_the_report_is_offered_when_it_is_made(pair):
    page = open_tab("export", run="cce")
    assert "Download cce-report.html" not in downloads(page)
    page.button(key="make cce-report.html").click().run()
    assert not page.error
    assert "Download cce-report.html" in downloads(page)
    assert "MB, made in" in said(page)
