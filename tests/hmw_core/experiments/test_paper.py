"""The paper's tables: spot checks, and no number beside a noise that is not the paper's."""

import pytest

from hmw_core.experiments.paper import (
    COLUMNS,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    TABLE_3_COLUMNS,
    TABLE_4,
    TABLE_4_COLUMNS,
    paper_accuracy,
)
from hmw_core.experiments.paper_sources import LAST, ROW_SOURCES, row_source


@pytest.mark.parametrize(
    ("recipe", "dataset", "noise", "rate", "expected"),
    [
        ("CCE", "cifar10", "symmetric", 0.2, 82.7),
        ("SCE", "cifar10", "asymmetric", 0.4, 76.3),
        ("CCE+HMW", "cifar10", "symmetric", 0.9, 45.0),
        ("SCE+HMW-code", "cifar100", "block_shift", 0.1, 75.0),
        ("cce + hmw", "cifar100", "symmetric", 0.8, 21.7),
        ("UNICON+HMW", "cifar100", "symmetric", 0.9, 43.4),
        ("AUM only", "cifar10", "symmetric", 0.5, 67.9),
        ("AUM+CA", "cifar10", "asymmetric", 0.3, 85.1),
        ("InstanceGM", "animal10n", "none", 0.0, 84.6),
        ("CCE+HMW+CutMix", "animal10n", "none", 0.0, 86.5),
        ("ELR+", "webvision", "none", 0.0, 77.78),
        ("CCE+HMW+CutMix", "webvision", "none", 0.0, 78.04),
    ],
)
def test_number_of_the_table(recipe, dataset, noise, rate, expected):
    assert paper_accuracy(recipe, dataset, noise, rate) == expected


@pytest.mark.parametrize(
    ("recipe", "dataset", "noise", "rate"),
    [
        ("CCE", "digits", "symmetric", 0.5),
        ("CCE", "cifar10", "symmetric_exclusive", 0.5),
        ("CCE", "cifar100", "superclass_shift", 0.1),
        ("CCE", "cifar10", "symmetric", 0.4),
        ("GCE", "cifar10", "symmetric", 0.5),
        ("CCE-code", "cifar10", "symmetric", 0.5),
        ("AUM only", "cifar10", "symmetric", 0.8),
        ("AUM only", "cifar100", "symmetric", 0.5),
        (None, "cifar10", "symmetric", 0.5),
        ("CCE", None, "symmetric", 0.5),
        ("CCE", "cifar10", None, None),
        ("CCE", "webvision", "none", 0.0),
        ("CCE", "animal10n", "symmetric", 0.2),
        ("CCE+HMW", "animal10n", "none", 0.0),
        ("CCE+CutMix", "animal10n", "none", 0.0),
        ("CCE+HMW+CutMix", "cifar10", "symmetric", 0.2),
    ],
)
def test_no_number_where_the_paper_has_none(recipe, dataset, noise, rate):
    assert paper_accuracy(recipe, dataset, noise, rate) is None


def test_a_rate_from_arithmetic_is_found():
    assert paper_accuracy("CCE", "cifar10", "asymmetric", 0.1 + 0.2) == 81.7


def test_every_row_is_whole():
    assert all(len(row) == len(COLUMNS) for table in TABLE_1.values() for row in table.values())
    assert all(len(row) == len(TABLE_4_COLUMNS) for row in TABLE_4.values())
    assert TABLE_1["cifar10"].keys() == TABLE_1["cifar100"].keys()
    assert all(len(row) == len(TABLE_3_COLUMNS) for row in TABLE_3.values())


def test_every_row_has_a_sentence_on_what_it_is():
    rows = {"table-1": TABLE_1["cifar10"], "table-2": TABLE_2, "table-3": TABLE_3}
    assert {name: set(said) for name, said in ROW_SOURCES.items()} == {
        name: set(of) for name, of in rows.items()
    }
    for said in ROW_SOURCES.values():
        assert all(source.kinds and source.text.endswith(".") for source in said.values())
    assert LAST in row_source("table-1", "CCE").kinds
    assert row_source("table-1", "CCE-code") is None


def test_the_last_row_of_table_4_is_a_row_of_table_1():
    for (noise, rate), accuracy in zip(TABLE_4_COLUMNS, TABLE_4["HMW"], strict=True):
        assert paper_accuracy("CCE+HMW", "cifar10", noise, rate) == accuracy
