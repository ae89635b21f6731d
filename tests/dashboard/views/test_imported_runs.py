"""Runs imported from other programs on every page: what their source lacks is absent, and why."""

import html

import numpy as np
import pandas as pd
import pytest

from dashboard.drawing.style import Typography
from dashboard.export.prepared import prepare_figures
from dashboard.export.report import report_html
from dashboard.figures import FIGURES
from dashboard.presenters.summary import description
from dashboard.views.parts.choices import criterion_title
from hmw_core import RunReader
from hmw_core.importers import IMPORTERS
from hmw_core.importers.base import ImportOptions
from hmw_core.importers.write import import_run
from tests.dashboard.views.steps import open_page, said
from tests.dashboard.views.test_views import PAGES
from tests.hmw_core.importers.test_importers import WRITE, C, N, probabilities

# A figure that each kind of log can give without true labels; all others say why not.
GIVES = {
    "aum": {"distributions": ("aum",), "logits": None, "areas_by_epoch": None, "accuracy": None},
    "cleanlab": {"distributions": ("last_loss",), "curves": None, "accuracy": None},
    "cartography": dict.fromkeys(("curves", "distributions", "logits", "areas_by_epoch")),
    "logits": dict.fromkeys(("curves", "distributions", "logits", "areas_by_epoch")),
}


@pytest.fixture(params=[False, True], ids=["true labels unknown", "known"])
def options(request, tmp_path) -> ImportOptions:
    if not request.param:
        return ImportOptions()
    np.save(tmp_path / "true.npy", np.arange(N) % C)
    return ImportOptions(true_labels=tmp_path / "true.npy")


def imported(kind, folder, options=None) -> RunReader:
    source = WRITE[kind](folder.parent / "source" / kind)
    return import_run(kind, source, folder / kind, options)


@pytest.mark.parametrize("kind", IMPORTERS)
def test_every_page_shows_what_there_is_and_says_why_the_rest_is_absent(kind, folder, options):
    run = imported(kind, folder, options)
    for name in PAGES:
        page = open_page(name, run=kind)
        assert not page.error, (name, [e.value for e in page.error])
        assert not page.warning, (name, [e.value for e in page.warning])
        text = said(page)
        assert " nan" not in text.lower(), name
        if name in ("criteria", "logits", "class"):
            assert run.absent["images"] in text
        if name in ("clusters", "sphere", "class"):
            assert run.absent["features"] in text
        if name == "class":
            assert run.absent["hm_weight"] in text


@pytest.mark.parametrize("kind", IMPORTERS)
def test_figures_of_the_log_are_drawn_and_typeset(kind, folder, options):
    run = imported(kind, folder, options)
    for name, criteria in GIVES[kind].items():
        spec = FIGURES[name]
        chosen = {"criteria": criteria} if criteria else {}
        table = spec.prepare([run] if spec.many else run, **chosen)
        assert len(spec.draw(table).data)
        assert spec.typeset(table, Typography(3.3)).axes
    prepared = prepare_figures([run], ["all"])
    for name, reason in prepared.reasons.items():
        assert reason, name
    for name, table in prepared.tables.items():
        numbers = table.select_dtypes("number")
        assert not (numbers.isna().all() & (numbers.columns != "paper")).all(), name


@pytest.mark.parametrize("kind", IMPORTERS)
def test_report_says_what_is_absent(kind, folder, options):
    run = imported(kind, folder, options)
    # The figures of the paper: the laboratory's would take minutes and say the same.
    text = report_html(run)
    for reason in run.absent.values():
        assert html.escape(reason) in text
    assert ">nan<" not in text
    assert "nan to nan" not in text


def test_criteria_page_offers_what_the_log_has(folder):
    run = imported("aum", folder)
    page = open_page("criteria", run="aum")
    # Its records say which class was largest, so what follows from predictions is there too.
    there = ["aum", "aum_annealed", "correctness", "forgetting", "first_learned"]
    there = [criterion_title(run, name) for name in (*there, "prediction_flips", "ensemble")]
    assert page.selectbox(key="choice first").options == there
    page = open_page("class", run="aum", **{"class": "1"})
    assert page.selectbox(key="choice criterion").options == there
    assert "no “Last loss”, “Mean loss”, “TKUM”, “IAM”, “IAM, no annealing”" in said(page)
    assert "keeps no features" in said(page)  # and nothing of it is cut off
    assert "…" not in said(page)


def test_samples_of_a_log_without_loss_are_chosen_by_aum(folder):
    run = imported("aum", folder)
    table = FIGURES["logits"].prepare(run)
    assert list(table["panel"].unique()) == ["low margin", "middle margin", "high margin"]
    assert "TKUM" in table["absent"].iloc[0]
    assert table["topk_logit"].isna().all()
    assert "the log holds no loss" in said(open_page("logits", run="aum"))


def test_detection_without_loss_has_no_contest_of_hard_samples(folder, tmp_path):
    np.save(tmp_path / "true.npy", np.arange(N) % C)
    run = imported("aum", folder, ImportOptions(true_labels=tmp_path / "true.npy"))
    table = FIGURES["detection"].prepare(run)
    assert table["contest"].tolist() == ["all"]
    assert table["criterion"].tolist() == ["aum"]
    assert 0 <= table["auroc"].item() <= 1
    assert "no loss to tell hard clean samples by" in table["absent"].item()
    assert "Mislabeled, measured" in report_html(run, [])
    assert "10.0" in description(run)


def test_probability_zero_is_an_infinite_loss_that_no_page_stumbles_over(folder, tmp_path):
    probability, given = probabilities()
    probability[7] = 0
    probability[7, (given[7] + 1) % C] = 1
    np.savez(tmp_path / "arrays.npz", labels=given, pred_probs=probability)
    run = import_run("cleanlab", tmp_path / "arrays.npz", folder / "zero")
    loss = run.signals(["loss"])["loss"]
    assert np.isinf(loss[7])
    assert loss.drop(7).pipe(np.isfinite).all()
    for name in PAGES:
        assert not open_page(name, run="zero").error, name


def test_a_plain_log_says_nothing_is_absent(folder):
    from tests.conftest import write_run

    write_run(folder / "tiny")
    run = RunReader(folder / "tiny")
    tables = prepare_figures([run], ["all"]).tables
    assert run.absent == {}
    assert all("absent" not in table for table in tables.values())
    assert isinstance(tables["curves"], pd.DataFrame)
