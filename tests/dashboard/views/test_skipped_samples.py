"""A run whose method trains on fewer and fewer samples: no page breaks on the null rows."""

import re

import numpy as np
import pytest

from dashboard.export.prepared import prepare_figures
from dashboard.figures import FIGURES
from dashboard.presenters.lesson import lesson, paper_lesson
from dashboard.presenters.run_card import run_card
from dashboard.presenters.summary import summary
from dashboard.views.addresses import PLACES
from hmw_core import RunReader, RunWriter
from hmw_core.log.schema import MethodColumn
from tests.dashboard.views.steps import open_page, said

N, C, EPOCHS = 60, 4, 4
GIVEN = np.arange(N) % C
TRUE = np.where(np.arange(N) % 10 == 1, (GIVEN + 1) % C, GIVEN)
NO_NUMBER = re.compile(r"\b(?:nan|inf)\b|(?<![A-Za-z])NaN|<NA>", re.ASCII)
STATE = (
    MethodColumn("kept", "", "true or false", "trained on", dtype="bool", higher_means="clean"),
    MethodColumn("method_label", "class", "0 to 3", "own label", dtype="int32"),
)
# Which samples an epoch trains on.
SEEN = {
    "most, late": lambda epoch: np.arange(N) % 3 == 0 if epoch > 2 else np.full(N, True),
    "a class, late": lambda epoch: GIVEN != 1 if epoch > 2 else np.full(N, True),
    "the mislabeled, late": lambda epoch: GIVEN == TRUE if epoch > 2 else np.full(N, True),
    "some, always": lambda epoch: np.arange(N) % 4 != 0,
}


def write(folder, seen, *, known=True) -> RunReader:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (N, 8, 8), dtype=np.uint8)
    with RunWriter.create(
        folder, given_label=GIVEN, true_label=TRUE if known else None, n_classes=C,
        n_epochs=EPOCHS, images=pictures, method_state=STATE,
    ) as log:  # fmt: skip
        for epoch in range(1, EPOCHS + 1):
            ids = np.flatnonzero(seen(epoch))
            logits = rng.normal(size=(N, C)) + 2 * np.eye(C)[TRUE]
            state = {"kept": np.full(len(ids), True), "method_label": TRUE[ids]}
            log.record(ids, logits[ids], cosine=np.tanh(logits[ids]), state=state)
            log.end_epoch(epoch, test_accuracy=0.5)
            if epoch == EPOCHS:
                log.flush()
                log.log_features(epoch, rng.normal(size=(N, 6)), rng.normal(size=(C, 6)))
    return RunReader(folder)


def words_of(page) -> str:
    metrics = [f"{m.label} {m.value} {m.delta}" for m in page.metric]
    return "\n".join([said(page), *metrics, *(t.value.to_string(na_rep="") for t in page.table)])


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("kind", ["a class, late", "most, late"])
def test_no_page_fails_or_shows_a_nan(kind, name, folder):
    write(folder / "run", SEEN[kind])
    page = open_page(name, run="run")
    assert not page.error, [error.value for error in page.error]
    assert not NO_NUMBER.search(words_of(page)), words_of(page)


@pytest.mark.parametrize("part", ["epochs", "groups", "labels"])
@pytest.mark.parametrize("kind", SEEN)
def test_the_tab_of_the_method(kind, part, folder):
    write(folder / "run", SEEN[kind])
    page = open_page("method", run="run", method_part=part)
    assert not page.error
    assert not NO_NUMBER.search(words_of(page))


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("kind", SEEN)
def test_figures_are_drawn_or_say_why_not(kind, known, folder):
    prepared = prepare_figures([write(folder / "run", SEEN[kind], known=known)], ["all"])
    assert all(prepared.reasons.values())
    for name, table in prepared.tables.items():
        assert len(table), name
        assert FIGURES[name].draw(table) is not None


def test_a_sentence_says_how_many_samples_it_is_about(folder):
    run = write(folder / "run", SEEN["the mislabeled, late"])
    # All 6 mislabeled samples are among those that the last epoch left out.
    assert "of the 54 of 60 samples that all compared criteria score" in lesson(run)
    assert "of the 54 of 60 samples that all compared criteria score" in paper_lesson(run)


def test_a_card_and_the_table_name_the_best_column_of_the_method(folder):
    run = write(folder / "run", SEEN["some, always"])
    assert summary(run)["auroc_own"] == "kept 0.500"
    assert run_card(run).auroc.endswith(", its own kept 0.500")
