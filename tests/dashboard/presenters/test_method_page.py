"""What the tab Method says: a sentence for every method that keeps something."""

from dashboard.presenters.method_page import LOOK_FOR
from hmw_core.catalogue import catalogue


def test_every_method_has_its_sentence_by_its_name():
    methods = {member["name"] for member in catalogue()["methods"]}
    assert LOOK_FOR.keys() == methods - {"standard"}  # plain training keeps nothing of its own
