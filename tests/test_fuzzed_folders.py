"""A hundred damaged run folders: a refusal is an answer, a traceback or a wait is none."""

from tests.fuzz_run_folders import fuzz


def test_a_hundred_fuzzed_folders_cost_no_traceback_and_no_wait(tmp_path):
    assert fuzz(100, 0, tmp_path) == []
