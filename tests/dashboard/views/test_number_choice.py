"""A field with a suggestion shows the number that is used, and goes back to the suggestion."""

import pytest
from streamlit.testing.v1 import AppTest

FIELD = "choice flag"


def script(suggested: float, whole: bool, high: float | None) -> None:
    import streamlit as st

    from dashboard.views.parts.choices import choose_number

    # As a class would change it: the page may ask for another suggestion.
    suggested = st.session_state.get("other", suggested)
    used = choose_number("flag", "Flag", suggested, whole=whole, high=high, why="as mislabeled")
    st.text(repr(used))


def page(suggested=648, *, whole=True, high=None, **address: str) -> AppTest:
    page = AppTest.from_function(
        script, kwargs={"suggested": suggested, "whole": whole, "high": high}
    )
    for name, value in address.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def used(page: AppTest) -> str:
    return page.text[0].value


def test_a_field_left_alone_shows_and_uses_the_suggestion():
    shown = page()
    assert shown.number_input(key=FIELD).value == 648
    assert shown.number_input(key=FIELD).help == (
        "Suggested: 648, as mislabeled. An empty field takes it, too."
    )
    assert used(shown) == "648"
    assert not shown.button
    assert "flag" not in shown.query_params


def test_another_number_stands_in_the_address_and_has_a_way_back():
    shown = page()
    shown.number_input(key=FIELD).set_value(12).run()
    assert (used(shown), shown.query_params["flag"]) == ("12", "12")
    (back,) = shown.button
    assert back.label == "Back to 648"
    back.click().run()
    assert shown.number_input(key=FIELD).value == 648
    assert used(shown) == "648"
    assert "flag" not in shown.query_params
    assert not shown.button


def test_an_emptied_field_goes_back():
    shown = page(flag="12")
    assert used(shown) == "12"
    shown.number_input(key=FIELD).set_value(None).run()
    assert shown.number_input(key=FIELD).value == 648
    assert used(shown) == "648"
    assert "flag" not in shown.query_params


def test_a_new_suggestion_moves_a_field_left_alone_and_no_other():
    shown = page()
    shown.session_state["other"] = 54
    shown.run()
    assert (shown.number_input(key=FIELD).value, used(shown)) == (54, "54")
    shown.number_input(key=FIELD).set_value(12).run()
    shown.session_state["other"] = 73
    shown.run()
    assert used(shown) == "12"


def test_the_address_counts_also_where_it_is_what_was_suggested():
    shown = page()
    shown.session_state["other"] = 54
    shown.query_params["flag"] = "648"
    shown.run()
    assert used(shown) == "648"


@pytest.mark.parametrize("asked", ["0", "-3", "1.5", "many", "101"])
def test_what_it_cannot_be_is_said(asked):
    shown = page(64, high=100, flag=asked)
    assert used(shown) == "64"
    assert "so this takes 64" in shown.warning[0].value


def test_a_number_need_not_be_whole():
    shown = page(0.5, whole=False, high=1, flag="0.25")
    assert used(shown) == "0.25"
    shown.button[0].click().run()
    assert used(shown) == "0.5"
