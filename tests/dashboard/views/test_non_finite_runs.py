"""Runs whose numbers are not finite, on pages and in files: said, and never a nan or a crash."""

import re

import numpy as np
import pytest

from dashboard.export.prepared import prepare_figures
from dashboard.figures import FIGURES
from hmw_core import RunReader, RunWriter
from tests.dashboard.views.steps import open_page, said

N, C, EPOCHS = 40, 4, 3
GIVEN = np.arange(N) % C
TRUE = np.where(np.arange(N) % 10 == 1, (GIVEN + 1) % C, GIVEN)
NO_NUMBER = re.compile(r"\b(?:nan|inf)\b|(?<![A-Za-z])NaN", re.ASCII)

BROKEN = {
    "everything": lambda epoch: np.full((N, C), np.nan),
    "the last epoch": lambda epoch: np.full((N, C), np.nan if epoch == EPOCHS else 0.0),
    "the mislabeled": lambda epoch: np.where(TRUE != GIVEN, np.inf, 0.0)[:, None] + np.zeros(C),
    "masked": lambda epoch: np.where(np.outer(GIVEN > 1, np.arange(C) < 2), -np.inf, 0.0),
}


def make(folder, change) -> RunReader:
    rng = np.random.default_rng(0)
    with RunWriter.create(
        folder, given_label=GIVEN, true_label=TRUE, n_classes=C, n_epochs=EPOCHS
    ) as log:
        for epoch in range(1, EPOCHS + 1):
            logits = rng.normal(size=(N, C)) + 2 * np.eye(C)[TRUE]
            change_now = change(epoch)
            log.record(np.arange(N), logits + change_now, cosine=np.tanh(logits) + change_now)
            log.end_epoch(epoch)
        if np.isnan(change_now).all():
            log.log_features(EPOCHS, change_now, np.eye(C))
    return RunReader(folder)


def words_of(page) -> str:
    metrics = [f"{m.label} {m.value} {m.delta}" for m in page.metric]
    tables = [table.value.to_string(na_rep="") for table in page.table]
    return "\n".join([said(page), *metrics, *tables])


@pytest.mark.parametrize("name", ["overview", "detection", "duel", "weights", "learning", "labels"])
@pytest.mark.parametrize("kind", BROKEN)
def test_no_page_fails_or_shows_a_nan(kind, name, folder):
    run = make(folder / "run", BROKEN[kind])
    assert len(run.warnings) == (kind != "masked")
    page = open_page(name, run="run")  # which fails if the page does
    assert not NO_NUMBER.search(words_of(page)), words_of(page)


@pytest.mark.parametrize("kind", BROKEN)
def test_figures_are_drawn_or_say_why_not(kind, folder):
    prepared = prepare_figures([make(folder / "run", BROKEN[kind])], ["all"])
    assert all(prepared.reasons.values())
    for name, table in prepared.tables.items():
        assert len(table), name
        assert FIGURES[name].draw(table) is not None
    if kind in ("everything", "the last epoch"):
        assert "clusters" in prepared.reasons
