"""Files without a browser: figures, zip, report, and the command line."""

import io
import json
import re
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest

from dashboard.export import find, report_tables
from dashboard.export.__main__ import main
from dashboard.export.archive import export_zip
from dashboard.export.find import find_run, label_of
from dashboard.export.prepared import counts_of, prepare_figures
from dashboard.export.render import FORMATS, export_figure
from dashboard.export.report import report_html
from dashboard.figures import FIGURES
from hmw_core import RunReader
from hmw_core.criteria import CRITERIA_VERSION
from hmw_core.errors import UnreadableRun, UsageError
from hmw_core.spreadsheet import csv_bytes
from tests.conftest import write_run

ROOT = Path(__file__).parents[3]
STARTS = {
    "pdf": b"%PDF",
    "svg": b"<?xml",
    "png": b"\x89PNG",
    "html": b"<!doctype html>",
    "csv": b'"run","pass","split","epoch","accuracy","paper",',
}

OF_ONE_RUN = {name: figure for name, figure in FIGURES.items() if figure.n_runs == 1}


@pytest.fixture(scope="module")
def evil_run(tmp_path_factory):
    """A run whose class names and name are hostile."""
    folder = tmp_path_factory.mktemp("runs") / "a&b <i>run"
    write_run(folder, class_names=["<script>alert(1)</script>", "=1+1", "c $5$", "_d", "e" * 90])
    return RunReader(folder)


@pytest.fixture(scope="module")
def whole_report(tiny_folder):
    return report_html(RunReader(tiny_folder))


# -- one figure


@pytest.mark.parametrize("format", FORMATS)
def test_a_figure_becomes_a_file_the_same_each_time(tiny_run, format):
    table = FIGURES["accuracy"].prepare([tiny_run])
    data = export_figure("accuracy", table, format, "column")
    assert data.startswith(STARTS[format])
    assert data == export_figure("accuracy", table, format, "column")


def test_figures_typeset_to_the_same_bytes_in_any_thread(tiny_run):
    tables = prepare_figures([tiny_run], ["curves", "sphere", "class_clusters", "accuracy"]).tables
    settings = dict(mpl.rcParams)
    alone = {name: export_figure(name, table, "svg", "column") for name, table in tables.items()}
    with ThreadPoolExecutor(4) as threads:
        jobs = {n: threads.submit(export_figure, n, t, "svg", "column") for n, t in tables.items()}
    assert {name: job.result() for name, job in jobs.items()} == alone
    assert dict(mpl.rcParams) == settings


def test_a_pdf_keeps_its_fonts_and_its_width(tiny_run):
    table = FIGURES["accuracy"].prepare([tiny_run])
    data = export_figure("accuracy", table, "pdf", "column")
    assert b"/FontFile2" in data  # TrueType, embedded
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+)", data)
    assert float(box[1]) == pytest.approx(3.3 * 72)
    wide = export_figure("accuracy", table, "pdf", 5.5)
    assert float(re.search(rb"/MediaBox \[ 0 0 ([\d.]+)", wide)[1]) == pytest.approx(5.5 * 72)


def test_a_page_holds_all_that_it_needs(tiny_run):
    table = FIGURES["sphere"].prepare(tiny_run)
    page = export_figure("sphere", table, "html").decode()
    assert "Plotly.newPlot" in page
    assert len(page) > 1_000_000  # plotly itself
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", page)


@pytest.mark.parametrize(
    ("name", "format", "width", "said"),
    [
        ("nothing", "pdf", "column", "unknown figure 'nothing'; known: curves"),
        ("accuracy", "bmp", "column", "unknown format 'bmp'; known: pdf, svg, png, html, csv"),
        ("accuracy", "pdf", "wide", "unknown width 'wide'; known: column, text, slide"),
        ("accuracy", "pdf", 0.5, "2 to 40 inches wide, not 0.5"),
        ("accuracy", "pdf", float("nan"), "2 to 40 inches wide, not nan"),
    ],
)
def test_what_is_unknown_is_named(tiny_run, name, format, width, said):
    table = FIGURES["accuracy"].prepare([tiny_run])
    with pytest.raises(UsageError, match=re.escape(said)):
        export_figure(name, table, format, width)


def test_a_csv_runs_no_formula():
    table = pd.DataFrame(
        {
            "name": ["=1+1", "+a", "-a", "@a", "\ta", "a=b", None],
            "kind": pd.Categorical(["=x", "y", "y", "y", "y", "y", "y"]),
            "value": [-1.5, 2, 3, 4, 5, 6, float("nan")],
        }
    )
    read = pd.read_csv(io.BytesIO(csv_bytes(table)))
    assert read["name"].tolist()[:6] == ["'=1+1", "'+a", "'-a", "'@a", "'\ta", "a=b"]
    assert read["kind"][0] == "'=x"
    assert read["value"][0] == -1.5
    assert table["name"][0] == "=1+1"  # the table itself is untouched


# -- preparing


def test_what_cannot_be_shown_has_its_reason(unknown_run):
    prepared = prepare_figures([unknown_run])
    assert {"auroc_by_epoch", "detection", "noise_matrix"} <= set(prepared.reasons)
    assert "'unknown' knows no true label" in prepared.reasons["noise_matrix"]
    assert set(prepared.tables) | set(prepared.reasons) == set(OF_ONE_RUN)


def test_a_class_reaches_the_figures_that_can_be_of_one(tiny_run):
    tables = prepare_figures([tiny_run], ["class_weights", "accuracy"], given_label=2).tables
    samples = tables["class_weights"].query("kind == 'sample'")["sample_id"]
    assert set(samples) == set(tiny_run.sample_ids(2).tolist())


def test_a_damaged_features_file_costs_only_its_figures(tmp_path):
    write_run(tmp_path / "a")
    [file] = (tmp_path / "a" / "features").glob("epoch-*")
    file.write_bytes(b"no parquet")
    prepared = prepare_figures([RunReader(tmp_path / "a")], ["sphere", "accuracy"])
    assert "features/epoch-00004.parquet is damaged" in prepared.reasons["sphere"]
    assert list(prepared.tables) == ["accuracy"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("curves", "3 samples"),
        ("logits", "3 samples"),
        ("clusters", "tiny: 60 samples"),
        ("auroc_by_epoch", "54 clean and 6 mislabeled samples"),
        ("noise_matrix", "54 clean and 6 mislabeled samples"),
        ("weight_histogram", "clean: 48; hard: 6; mislabeled: 6"),
        ("accuracy", ""),
    ],
)
def test_captions_count_samples(tiny_run, name, said):
    assert counts_of(prepare_figures([tiny_run], [name]).tables[name]) == said


# -- zip


def test_a_zip_holds_the_files_and_the_reasons(unknown_run):
    data = export_zip(unknown_run, ["accuracy", "noise_matrix"], ["svg", "csv"])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = ["accuracy.svg", "accuracy.csv", "provenance.json", "not-shown.txt"]
        assert archive.namelist() == names
        (about,) = json.loads(archive.read("provenance.json"))
        assert about["run"] == "unknown"
        assert about["fingerprint"] == unknown_run.info["dataset"]["fingerprint"]
        assert about["criteria_version"] == CRITERIA_VERSION
        assert (about["first_epoch"], about["last_epoch"]) == (1, unknown_run.last_epoch)
        assert "noise_matrix: run 'unknown' knows" in archive.read("not-shown.txt").decode()
        assert archive.read("accuracy.svg").startswith(b"<?xml")
    assert data == export_zip([unknown_run], ["accuracy", "noise_matrix"], ["svg", "csv"])


def test_a_zip_of_two_runs_compares_them(tiny_run, unknown_run):
    data = export_zip([tiny_run, unknown_run], ["accuracy"], ["csv"], report=True)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        table = pd.read_csv(archive.open("accuracy.csv"))
        assert archive.namelist()[-1] == "report.html"
    assert set(table["run"]) == {"tiny", "unknown"}


# -- report


def test_the_report_has_every_figure_and_its_place_in_the_paper(whole_report):
    for name, figure in OF_ONE_RUN.items():
        assert f'<figure id="{name}">' in whole_report
        assert figure.title in whole_report
    assert whole_report.count("(Fig. 6 of the paper)") == 2
    assert "What could not be shown" not in whole_report


def test_the_report_needs_nothing_from_outside(whole_report):
    sources = re.findall(r"(?:src|href)=\"([^\"]*)\"", whole_report)
    assert len(sources) == len(OF_ONE_RUN)
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    assert not re.search(r"<script|<link|@import|url\(", whole_report)


def test_the_report_has_its_numbers(tiny_run, whole_report):
    # Test accuracy is 60, 70, 80, 90 %; only four epochs there are to take a mean of.
    [test, _] = report_tables.accuracies([tiny_run])
    assert test == ["tiny: test", "90.00", "90.00 (epoch 4)", "75.00 (4)", "–"]
    assert report_tables.class_counts(tiny_run)[-1] == ["all", "60", "54", "6", "0", "10.0"]
    assert "<td>75.00 (4)</td>" in whole_report
    table = prepare_figures([tiny_run], ["detection"]).tables["detection"]
    rows = report_tables.detection(table, "all")
    iam = next(row for row in rows if row[0] == "IAM")
    assert iam[1] == "1.000"
    assert iam[-2:] == ["54", "6"]
    assert "–" not in iam
    assert "Eqs. 7-13" in whole_report  # the criteria's sources
    assert "matplotlib" in whole_report


def test_the_report_shows_the_papers_number_with_its_note(tmp_path):
    write_run(tmp_path / "a", recipe="CCE")
    run = RunReader(tmp_path / "a")
    run.info["dataset"]["name"] = "cifar10"
    run.info["noise"]["rate"] = 0.5
    assert report_tables.accuracies([run])[0][-1] == "57.9"
    assert "columns are not strictly comparable" in report_html(run, figures=["accuracy"])


def test_the_report_escapes_names(evil_run):
    page = report_html(evil_run)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<title>Run a&amp;b &lt;i&gt;run</title>" in page


def test_the_report_says_what_could_not_be_shown(unknown_run):
    page = report_html(unknown_run, figures=["detection", "noise_matrix", "accuracy"])
    assert "What could not be shown" in page
    assert page.count("knows no true label") == 1
    assert '<figure id="accuracy">' in page
    assert "60</td>" in page  # the samples of unknown label are counted as such


def test_the_report_of_a_stopped_run_says_so_first(tmp_path):
    write_run(tmp_path / "a", epochs=2, finish="stopped")
    page = report_html(RunReader(tmp_path / "a"), figures=["accuracy"])
    assert '<p class="warning">stopped by the test</p>' in page
    assert "2 of 4 planned" in page


def test_the_report_of_a_run_before_its_first_epoch(tmp_path):
    write_run(tmp_path / "a", epochs=0, finish="stopped")
    page = report_html(RunReader(tmp_path / "a"))
    assert "no finished epoch yet" in page
    assert '<figure id="noise_matrix">' in page


# -- command line


def test_the_command_writes_what_it_says(tiny_folder, tmp_path, capsys):
    out = tmp_path / "new" / "out"
    options = ["--figures", "accuracy", "--formats", "svg", "csv"]
    assert main([str(tiny_folder), str(out), *options]) == 0
    written = ["accuracy.svg", "accuracy.csv", "provenance.json"]
    assert sorted(path.name for path in out.iterdir()) == sorted(written)
    assert capsys.readouterr().out.splitlines() == [f"wrote {out / name}" for name in written]


def test_the_command_replaces_only_files_of_the_same_name(tiny_folder, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "accuracy.csv").write_text("old")
    assert main([str(tiny_folder), str(tmp_path), "--figures", "accuracy", "--formats", "csv"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"replaced {tmp_path / 'accuracy.csv'}",
        f"wrote {tmp_path / 'provenance.json'}",
    ]
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (tmp_path / "accuracy.csv").read_bytes().startswith(STARTS["csv"])


def test_the_command_lists_what_it_cannot_show(unknown_folder, tmp_path, capsys):
    options = ["--figures", "noise_matrix", "accuracy", "--formats", "csv", "--report"]
    assert main([str(unknown_folder), str(tmp_path), *options]) == 0
    assert "not shown: noise_matrix: run 'unknown' knows" in capsys.readouterr().out
    assert (tmp_path / "report.html").exists()


def test_the_command_finds_runs_by_name(tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HMW_RUNS", str(tiny_folder.parent))
    assert find_run("tiny").folder == tiny_folder
    monkeypatch.delenv("HMW_RUNS")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "runs").symlink_to(tiny_folder.parent)
    assert find_run("tiny").name == "tiny"


def test_the_command_compares_runs_and_takes_a_class(tiny_folder, unknown_folder, tmp_path):
    options = ["--figures", "class_clusters", "--formats", "csv", "--class", "3"]
    assert main([str(tiny_folder), str(tmp_path), *options, "--with", str(unknown_folder)]) == 0
    table = pd.read_csv(tmp_path / "class_clusters.csv")
    assert set(table["run"]) == {"tiny", "unknown"}
    assert set(table["class_name"]) == {3}


def test_a_class_is_found_by_its_name_before_its_number(evil_run, tiny_run):
    assert label_of(evil_run, "=1+1") == 1
    assert label_of(evil_run, "4") == 4
    tiny_run.class_names = ["1", "0", "2", "3", "4"]
    assert label_of(tiny_run, "0") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--figures", "nothing"], "unknown figure 'nothing'"),
        (["--formats", "bmp"], "unknown format 'bmp'"),
        (["--width", "wide"], "unknown width 'wide'"),
        (["--width", "0.1"], "2 to 40 inches"),
        (["--class", "cat"], "no class 'cat'; it has: 0, 1, 2, 3, 4"),
        (["--with", "nowhere"], "no run 'nowhere'"),
    ],
)
def test_a_mistake_is_one_sentence_and_code_2(tiny_folder, tmp_path, capsys, options, said):
    assert main([str(tiny_folder), str(tmp_path), "--figures", "accuracy", *options]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_show_is_a_mistake(unknown_folder, tmp_path, capsys):
    assert main([str(unknown_folder), str(tmp_path), "--figures", "noise_matrix"]) == 2
    assert "nothing to write" in capsys.readouterr().err


def test_a_folder_that_cannot_be_one_is_a_mistake(tiny_folder, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    options = ["--figures", "accuracy", "--formats", "csv"]
    assert main([str(tiny_folder), str(tmp_path / "file"), *options]) == 2
    assert f"cannot write {tmp_path / 'file' / 'accuracy.csv'}" in capsys.readouterr().err


def test_a_folder_that_is_no_run_is_a_mistake(tmp_path, monkeypatch, capsys):
    with pytest.raises(UnreadableRun, match="no run.json"):
        find_run(str(tmp_path))
    monkeypatch.setattr(find, "RUNS", tmp_path / "none")
    assert main(["lost", str(tmp_path)]) == 2
    assert "which has: none" in capsys.readouterr().err


def test_exporting_loads_neither_torch_nor_streamlit(tiny_folder, tmp_path):
    code = (
        "import sys\nfrom dashboard.export.__main__ import main\n"
        f"code = main([{str(tiny_folder)!r}, {str(tmp_path)!r}, '--figures', 'accuracy'])\n"
        "sys.exit(code or bool({'torch', 'streamlit'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "accuracy.pdf").exists()
