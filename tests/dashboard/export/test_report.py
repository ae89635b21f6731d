"""The report: suspects with their pictures, verdicts, numbers, figures; nothing from outside."""

import json
import re

import numpy as np
import pytest

from dashboard.export import report_tables
from dashboard.export.prepared import PAPER, Prepared, prepare_figures
from dashboard.export.report import report_html
from dashboard.figures import FIGURES
from hmw_core import RunReader, RunWriter
from hmw_core.log import verdicts
from hmw_core.log.verdicts import Verdict
from hmw_core.review.corrected_labels import corrected_labels
from tests.conftest import write_run


@pytest.fixture(scope="module")
def whole_report(tiny_folder):
    return report_html(RunReader(tiny_folder))


def test_the_report_has_the_papers_figures_and_a_list_of_contents(whole_report):
    links = re.findall(r'<a href="#([^"]*)">', whole_report)
    assert len(links) == len(set(links))
    assert [name for name in links if f'id="{name}"' not in whole_report] == []
    shown = [name for name in PAPER if FIGURES[name].n_runs == 1]
    assert [name for name in links if name in FIGURES] == shown
    assert "What could not be shown" not in whole_report


def test_the_report_says_which_figure_it_draws(tiny_run):
    steps = []
    report_html(
        tiny_run, prepared=prepare_figures([tiny_run], ["curves", "logits"]), told=steps.append
    )
    assert steps == [FIGURES["curves"].title, FIGURES["logits"].title]


def test_the_report_needs_nothing_from_outside(whole_report):
    sources = re.findall(r"(?:src|href)=\"([^#\"][^\"]*)\"", whole_report)
    assert len(sources) > len(PAPER)
    assert all(source.startswith("data:image/") for source in sources)
    assert not re.search(r"<script|<link|@import|url\(", whole_report)


def test_the_report_shows_the_suspects_in_order_with_what_is_known(tmp_path):
    write_run(tmp_path / "a")
    run = RunReader(tmp_path / "a")
    verdicts.append(run, [
        Verdict(0, "relabel", given_label=1, new_label=0, reviewer="<i>Ann</i>", note="a zero"),
        Verdict(10, "keep", given_label=1, reviewer="Ben"),
    ])  # fmt: skip
    page = report_html(run, prepared=Prepared())
    cards = page.split('<figure data-sample="')[1:]
    ids = [int(card.split('"')[0]) for card in cards]
    ranked = corrected_labels(run).sort_values("suspicion_rank")["sample_id"].tolist()
    assert ids == ranked[:48]
    assert set(ids[:6]) == {0, 10, 20, 30, 40, 50}
    of_zero = cards[ids.index(0)]
    assert "suggested 0" in of_zero
    assert "verdict: relabel to 0" in of_zero
    assert 'src="data:image/png;base64,' in of_zero
    assert "verdict: keep" in cards[ids.index(10)]
    row = "<td>0</td><td>1</td><td>0</td><td>&lt;i&gt;Ann&lt;/i&gt;</td>"
    assert row in page
    assert "<td>a zero</td>" in page
    assert "1 corrected labels" in page


def test_the_report_keeps_large_pictures_small(tmp_path):
    rng = np.random.default_rng(0)
    writer = RunWriter.create(
        tmp_path / "large", given_label=[0, 1] * 30, n_classes=2, n_epochs=1,
        images=rng.integers(0, 256, (60, 240, 240, 3), dtype=np.uint8),
    )  # fmt: skip
    writer.record(np.arange(60), logits=rng.normal(size=(60, 2)))
    writer.end_epoch(1)
    writer.finish()
    page = report_html(RunReader(tmp_path / "large"), prepared=Prepared())
    assert page.count("<figure data-sample=") == 48
    assert len(page) < 1_200_000  # as they are, they have 11 MB


def test_the_report_names_no_place_of_this_machine(tmp_path):
    folder = tmp_path / "runs" / "a"
    write_run(folder, epochs=2, finish="stopped")
    info = json.loads((folder / "run.json").read_text())
    info["config"] = {"runs": str(folder.parent), "data": str(tmp_path / "pictures"), "x": "a/b"}
    info["error"] = f"cannot write {folder}/signals: no space"
    (folder / "run.json").write_text(json.dumps(info))
    page = report_html(RunReader(folder))
    assert str(tmp_path) not in page
    assert "cannot write signals: no space" in page
    assert "<td>pictures</td>" in page
    assert "<td>a/b</td>" in page


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
    assert "columns are not strictly comparable" in report_html(
        run, prepared=prepare_figures([run], ["accuracy"])
    )


def test_the_report_escapes_names(evil_run):
    page = report_html(evil_run)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<title>Run a&amp;b &lt;i&gt;run</title>" in page


def test_the_report_says_what_could_not_be_shown(unknown_run):
    names = ["detection", "noise_matrix", "accuracy"]
    page = report_html(unknown_run, prepared=prepare_figures([unknown_run], names))
    assert "What could not be shown" in page
    assert page.count("knows no true label") == 1
    assert '<figure id="accuracy">' in page
    assert "60</td>" in page  # the samples of unknown label are counted as such


def test_the_report_of_a_stopped_run_says_so_first(tmp_path):
    write_run(tmp_path / "a", epochs=2, finish="stopped")
    page = report_html(RunReader(tmp_path / "a"), prepared=Prepared())
    assert '<p class="warning">stopped by the test</p>' in page
    assert "2 of 4 planned" in page


def test_the_report_of_a_run_before_its_first_epoch(tmp_path):
    write_run(tmp_path / "a", epochs=0, finish="stopped")
    page = report_html(RunReader(tmp_path / "a"))
    assert "no finished epoch yet" in page
    assert "Noise matrix" in page
