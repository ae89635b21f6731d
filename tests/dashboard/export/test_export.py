"""Files without a browser: figures, their tables, the zip, and the command line."""

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

from dashboard.drawing.facts import counts_of
from dashboard.drawing.style import Typography
from dashboard.export import find
from dashboard.export.__main__ import main
from dashboard.export.archive import Order, files, zip_of
from dashboard.export.find import find_run, label_of
from dashboard.export.names import figure_stem
from dashboard.export.prepared import PAPER, figures_of, prepare_figures
from dashboard.export.render import FORMATS, export_figure
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


# -- one figure


@pytest.mark.parametrize("format", FORMATS)
def test_a_figure_becomes_a_file_the_same_each_time(tiny_run, format):
    table = FIGURES["accuracy"].prepare([tiny_run])
    data = export_figure("accuracy", table, format)
    assert data.startswith(STARTS[format])
    assert data == export_figure("accuracy", table, format)


def test_figures_typeset_to_the_same_bytes_in_any_thread(tiny_run):
    tables = prepare_figures([tiny_run], ["curves", "sphere", "class_clusters", "accuracy"]).tables
    settings = dict(mpl.rcParams)
    alone = {name: export_figure(name, table, "svg") for name, table in tables.items()}
    with ThreadPoolExecutor(4) as threads:
        jobs = {n: threads.submit(export_figure, n, t, "svg") for n, t in tables.items()}
    assert {name: job.result() for name, job in jobs.items()} == alone
    assert dict(mpl.rcParams) == settings


def test_a_pdf_keeps_its_fonts_and_its_width(tiny_run):
    table = FIGURES["accuracy"].prepare([tiny_run])
    data = export_figure("accuracy", table, "pdf")
    assert b"/FontFile2" in data  # TrueType, embedded
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+)", data)
    assert float(box[1]) == pytest.approx(3.3 * 72)
    wide = export_figure("accuracy", table, "pdf", Typography(5.5))
    assert float(re.search(rb"/MediaBox \[ 0 0 ([\d.]+)", wide)[1]) == pytest.approx(5.5 * 72)


def test_a_page_holds_all_that_it_needs(tiny_run):
    table = FIGURES["sphere"].prepare(tiny_run)
    page = export_figure("sphere", table, "html").decode()
    assert "Plotly.newPlot" in page
    assert len(page) > 1_000_000  # plotly itself
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", page)


@pytest.mark.parametrize(
    ("name", "format", "said"),
    [
        ("nothing", "pdf", "unknown figure 'nothing'; known: curves"),
        ("accuracy", "bmp", "unknown format 'bmp'; known: pdf, svg, png, html, csv"),
    ],
)
def test_what_is_unknown_is_named(tiny_run, name, format, said):
    table = FIGURES["accuracy"].prepare([tiny_run])
    with pytest.raises(UsageError, match=re.escape(said)):
        export_figure(name, table, format)


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
    prepared = prepare_figures([unknown_run], ["all"])
    assert {"auroc_by_epoch", "detection", "noise_matrix"} <= set(prepared.reasons)
    assert "'unknown' knows no true label" in prepared.reasons["noise_matrix"]
    assert set(prepared.tables) | set(prepared.reasons) == set(OF_ONE_RUN)


def test_a_class_reaches_the_figures_that_can_be_of_one(tiny_run):
    tables = prepare_figures([tiny_run], ["class_weights", "accuracy"], {"given_label": 2}).tables
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


def opened(data):
    return zipfile.ZipFile(io.BytesIO(data))


def test_a_zip_holds_the_files_their_captions_and_the_reasons(unknown_run):
    order = Order([unknown_run], ["accuracy", "noise_matrix"], ["svg", "csv"])
    data = zip_of(order)
    with opened(data) as archive:
        stem = figure_stem("accuracy", FIGURES["accuracy"], [unknown_run])
        names = [f"{stem}.svg", f"{stem}.csv", "captions.md", "provenance.json", "not-shown.txt"]
        assert archive.namelist() == names
        (about,) = json.loads(archive.read("provenance.json"))
        assert about["run"] == "unknown"
        assert about["fingerprint"] == unknown_run.info["dataset"]["fingerprint"]
        assert about["criteria_version"] == CRITERIA_VERSION
        assert (about["first_epoch"], about["last_epoch"]) == (1, unknown_run.last_epoch)
        assert "noise_matrix: run 'unknown' knows" in archive.read("not-shown.txt").decode()
        assert archive.read(f"{stem}.svg").startswith(b"<?xml")
        assert f"`{stem}.svg`, `{stem}.csv`" in archive.read("captions.md").decode()
    assert data == zip_of(order)


def test_a_zip_of_two_runs_compares_them(tiny_run, unknown_run):
    runs = [tiny_run, unknown_run]
    with opened(zip_of(Order(runs, ["accuracy"], ["csv"], report=True))) as archive:
        table = pd.read_csv(archive.open(archive.namelist()[0]))
        assert archive.namelist()[-1] == "report.html"
    assert set(table["run"]) == {"tiny", "unknown"}


def test_pages_of_a_zip_share_one_plotly(tiny_run):
    with opened(zip_of(Order([tiny_run], ["curves", "logits"], ["html"]))) as archive:
        pages = [name for name in archive.namelist() if name.endswith(".html")]
        assert len(pages) == 2
        for name in pages:
            assert archive.getinfo(name).file_size < 200_000
            sources = re.findall(
                r"<(?:script|link|img)[^>]+(?:src|href)=\"([^\"]*)", archive.read(name).decode()
            )
            assert sources == ["plotly.min.js"]
        assert len(archive.read("plotly.min.js")) > 1_000_000


def test_without_a_choice_the_papers_figures_come(tiny_run):
    with opened(zip_of(Order([tiny_run], formats=["csv"]))) as archive:
        csv = [name for name in archive.namelist() if name.endswith(".csv")]
    assert len(csv) == len(PAPER)
    assert [name for name in csv if not re.match(r"fig[1-7]-", name)] == []


@pytest.mark.parametrize("group", ["paper", "all"])
def test_a_group_of_figures_leaves_out_what_needs_more_runs(group):
    alone, two = figures_of([group]), figures_of([group, "accuracy"], 2)
    assert all(FIGURES[name].n_runs == 1 for name in alone)
    assert set(alone) <= set(two)
    assert len(two) == len(set(two))


def test_an_export_says_what_it_does_next(tiny_run):
    steps = []
    list(
        files(
            Order([tiny_run], ["curves", "logits"], ["csv"], report=True),
            lambda *s: steps.append(s),
        )
    )
    assert [(done, total) for done, total, _ in steps] == [(0, 3), (1, 3), (2, 3)]
    assert [what for *_, what in steps] == [
        FIGURES["curves"].title,
        FIGURES["logits"].title,
        "Report",
    ]


# -- command line


def test_the_command_writes_what_it_says(tiny_folder, tmp_path, capsys):
    out = tmp_path / "new" / "out"
    options = ["--figures", "curves", "accuracy", "--formats", "svg", "csv", "--class", "3"]
    assert main([str(tiny_folder), str(out), *options]) == 0
    curves = "fig1-curves-3-tiny"
    accuracy = figure_stem("accuracy", FIGURES["accuracy"], [RunReader(tiny_folder)])
    written = [
        *(f"{stem}.{format}" for stem in (curves, accuracy) for format in ("svg", "csv")),
        *("captions.md", "provenance.json"),
    ]
    assert sorted(path.name for path in out.iterdir()) == sorted(written)
    assert capsys.readouterr().out.splitlines() == [
        f"wrote {out / curves}: svg, csv",
        f"wrote {out / accuracy}: svg, csv",
        f"wrote {out / 'captions'}: md",
        f"wrote {out / 'provenance'}: json",
    ]


def test_the_command_replaces_only_files_of_the_same_name(tiny_folder, tmp_path, capsys):
    [name] = [
        n
        for n, _ in files(Order([RunReader(tiny_folder)], ["accuracy"], ["csv"]))
        if n.endswith("csv")
    ]
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / name).write_text("old")
    assert main([str(tiny_folder), str(tmp_path), "--figures", "accuracy", "--formats", "csv"]) == 0
    assert capsys.readouterr().out.startswith(f"replaced {tmp_path / name[:-4]}: csv\n")
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (tmp_path / name).read_bytes().startswith(STARTS["csv"])


def test_the_command_sets_figures_as_asked(tiny_folder, tmp_path):
    look = ["--size", "aaai-text", "--font", "times", "--palette", "paper", "--letters"]
    look += ["--titles", "{recipe} of {run}", "--samples", "3", "17", "--epoch", "2"]
    options = ["--figures", "curves", "--formats", "svg", "pdf", "csv", *look]
    assert main([str(tiny_folder), str(tmp_path), *options]) == 0
    [pdf] = tmp_path.glob("*.pdf")
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+)", pdf.read_bytes())
    assert float(box[1]) == pytest.approx(7.0 * 72)
    svg = pdf.with_suffix(".svg").read_text()
    assert "(a) CCE of tiny" in svg
    assert "STIXGeneral" in svg
    table = pd.read_csv(pdf.with_suffix(".csv"))
    assert set(table["sample_id"]) == {3, 17}
    assert table["epoch"].max() == 2
    assert "figure*" in (tmp_path / "figures.tex").read_text()


def test_the_old_name_of_the_size_still_works(tiny_folder, tmp_path):
    options = ["--figures", "accuracy", "--width", "slide"]
    assert main([str(tiny_folder), str(tmp_path), *options]) == 0
    [pdf] = tmp_path.glob("*.pdf")
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+)", pdf.read_bytes())
    assert float(box[1]) == pytest.approx(720)


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
    [file] = tmp_path.glob("fig5-class-clusters-3-*.csv")
    table = pd.read_csv(file)
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
        (["--size", "0.1"], "2 to 40 inches"),
        (["--size", "nan"], "2 to 40 inches"),
        (["--titles", "{rate}"], "no placeholder {rate}"),
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
    assert f"cannot write {tmp_path / 'file'}" in capsys.readouterr().err


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
    assert len(list(tmp_path.glob("*.pdf"))) == 1
