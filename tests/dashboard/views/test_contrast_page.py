"""The block "Why these?": what it says of a selection, of none, of all, and of one by a rank."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.conftest import write_run
from tests.dashboard.views.steps import said


def block(folder: str, ids: list[int], because_of: tuple[str, ...] = ()) -> AppTest:
    """Run the block alone, as a page that calls it."""

    def script(folder, ids, because_of):
        from dashboard.views.parts.contrast import show_contrast
        from hmw_core import RunReader

        show_contrast(RunReader(folder), ids, None, because_of)

    page = AppTest.from_function(script, default_timeout=60, args=(folder, ids, because_of)).run()
    assert not page.exception, [found.message for found in page.exception]
    return page


@pytest.fixture
def folder(tmp_path):
    write_run(tmp_path / "tiny")
    return str(tmp_path / "tiny")


def test_the_mislabeled_ones_are_said_to_be_so(folder):
    page = block(folder, list(range(0, 60, 10)))
    sentences = page.dataframe[0].value["what"].tolist()
    assert "100 % are mislabeled, against 0 % of the rest." in sentences
    assert page.dataframe[0].value["effect"].is_monotonic_decreasing
    assert "6 samples against the other 54" in said(page)
    assert "false discovery rate of 5 %" in said(page)


def test_the_criterion_that_made_the_selection_is_told_apart(folder):
    page = block(folder, list(range(0, 60, 10)), ("iam",))
    shown = " ".join(sentence for table in page.dataframe for sentence in table.value["what"])
    assert "IAM finds them" not in shown
    assert "by construction" in said(page)
    assert "IAM finds them more suspicious" in said(page)


@pytest.mark.parametrize(
    ("ids", "answer"),
    [([], "Choose some samples"), (list(range(60)), "choose fewer")],
)
def test_nothing_to_compare(folder, ids, answer):
    page = block(folder, ids)
    assert answer in said(page)
    assert not page.dataframe


def test_chance_is_not_told(folder):
    page = block(folder, [3])
    assert "Nothing differs more than chance" in said(page)
    assert "A selection this small proves little" in said(page)


def test_names_with_markup_and_a_run_that_knows_little(tmp_path):
    names = ["<b>bold</b>", "**x**", "$5 & more", "a_b*c*", "plain"]
    write_run(tmp_path / "real", known=False, pictures=False, with_cosine=False, class_names=names)
    page = block(str(tmp_path / "real"), [i for i in range(60) if i % 5 == 1][:9])
    shown = " ".join(page.dataframe[0].value["what"])
    assert "are given **x**" in shown  # a table shows text as it is
    assert "mislabeled" not in shown
