"""Walks chosen by Hypothesis: a few in the quick run, many in the slow one."""

import pytest

from restorebot.model import State
from tests.walk import walk

QUICK = 10
SLOW = 400


@pytest.mark.parametrize("part", [1, 2, 3, 4])
def test_forty_walks_in_four_parts_keep_the_invariants(part: int) -> None:
    del part  # each draws walks of its own
    walk(QUICK)


@pytest.mark.slow
def test_four_hundred_walks_keep_the_invariants_and_half_of_them_restore() -> None:
    reached = walk(SLOW)
    assert reached.states[State.RESTORING] * 2 >= reached.walks
