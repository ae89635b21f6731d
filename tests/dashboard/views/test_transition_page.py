"""The page of the transition map: estimate, cells, their pictures, patterns, unknown labels."""

import pytest

from hmw_core import RunWriter
from hmw_core.laboratory import transition
from tests.conftest import write_run
from tests.dashboard.views.steps import in_address, open_page, said, shown_samples


def plain_said(page):
    return said(page).replace("*", "")


def test_the_estimate_stands_beside_the_truth(folder):
    write_run(folder / "tiny")
    page = open_page("transition", run="tiny")
    assert not page.error
    assert not page.warning
    text = plain_said(page)
    assert "The estimate has 10.0 % of the labels wrong. Really it is 10.0 %" in text
    assert "Per row, 0.0 % of the samples lie in wrong cells" in text
    pattern = open_page("transition", run="tiny", transition="pattern")
    assert "Where flips go: " in plain_said(pattern)
    table = page.dataframe[0].value
    assert table["samples"].sum() == 6
    assert table["truly"].to_list() == table["share of row"].to_list()


def test_a_cell_opens_its_pictures_and_is_a_review_queue(folder, monkeypatch):
    write_run(folder / "tiny")
    page = open_page("transition", run="tiny", believed="0", given="1")
    assert sorted(map(int, shown_samples(page))) == [0, 10, 20, 30, 40, 50]
    assert in_address(page, "given") == "1"
    gone = []
    monkeypatch.setattr("streamlit.switch_page", lambda page, query_params=None: gone.append(page))
    review = next(button for button in page.button if "Review" in button.label)
    review.click().run()
    assert gone == ["views/pages/fix.py"]
    kept = page.session_state["review selection"]
    assert sorted(kept["sample_ids"]) == [0, 10, 20, 30, 40, 50]
    assert "believed 0, given 1" in kept["what"]


def test_a_box_around_cells_chooses_them(folder):
    write_run(folder / "tiny")
    page = open_page("transition", run="tiny", believed="2", given="3")
    assert not shown_samples(page)
    box = {"box": [{"x": [0, 1], "y": [0, 1]}], "points": [{"customdata": ["measured", 0, 1]}]}
    page.session_state["chart transition"] = {"selection": box}
    page.session_state["drawn on"] = "transition"
    page.run()
    assert sorted(map(int, shown_samples(page))) == [0, 10, 20, 30, 40, 50]


def test_any_class_means_any_other(folder):
    write_run(folder / "tiny")
    page = open_page("transition", run="tiny", believed="any", given="1")
    assert len(shown_samples(page)) == 6


def test_unknown_labels_say_what_cannot_be_told(folder):
    write_run(folder / "real", known=False)
    page = open_page("transition", run="real", budget="6")
    assert not page.error
    text = plain_said(page)
    assert "nobody can say how far it is off" in text
    pattern = open_page("transition", run="real", transition="pattern")
    assert "cannot be told at all" in plain_said(pattern)
    assert "Look at" not in " ".join(button.label for button in pattern.button)
    assert "truly" not in page.dataframe[0].value


def test_the_pictures_are_looked_at_when_asked(folder):
    write_run(folder / "tiny")
    page = open_page("transition", run="tiny", transition="pattern")
    look = next(button for button in page.button if "Look at 60 pictures" in button.label)
    look.click().run()
    assert "Whether a label flips" in plain_said(page)
    assert not page.error


def test_the_confident_joint_or_how_to_get_it(folder, monkeypatch):
    write_run(folder / "tiny")
    pytest.importorskip("cleanlab")
    page = open_page("transition", run="tiny", estimate="confident")
    assert not page.error
    assert "Cleanlab's confident joint" in said(page)
    write_run(folder / "other")
    monkeypatch.setattr(transition, "find_spec", lambda name: None)
    page = open_page("transition", run="other", estimate="confident")
    assert "pip install cleanlab" in said(page)


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ({"estimate": "magic"}, "there is no “magic”"),
        ({"given": "77"}, "there is no “77”"),
        ({"budget": "9999"}, "it cannot be “9999”"),
    ],
)
def test_an_address_that_cannot_be_gets_a_word(folder, address, answer):
    write_run(folder / "tiny")
    assert answer in said(open_page("transition", run="tiny", **address))


def test_a_log_without_pictures_or_epochs(folder):
    write_run(folder / "bare", pictures=False, with_cosine=False)
    page = open_page("transition", run="bare")
    assert not page.error
    assert "keeps no pictures" in said(page)
    RunWriter.create(folder / "new", given_label=[0, 1, 2], n_classes=3, n_epochs=5).finish()
    assert "No epoch is finished yet" in said(open_page("transition", run="new"))


def test_names_with_markup_stay_names(folder):
    write_run(folder / "html", class_names=["<img src=x>", "$5", "*b*", "[c](d)", "e"])
    page = open_page("transition", run="html", believed="0", given="1")
    assert not page.error
    for block in page.get("html"):
        assert "<img src=x" not in block.proto.body
