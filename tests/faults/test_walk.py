"""Walks chosen by Hypothesis: a few in the quick run, many in the slow one."""

import pytest

from restorebot.model import State
from tests.walk import walk

QUICK = 40
SLOW = 400


def test_forty_walks_keep_the_invariants() -> None:
    walk(QUICK)


@pytest.mark.slow
def test_four_hundred_walks_keep_the_invariants_and_half_of_them_restore() -> None:
    reached = walk(SLOW)
    assert reached.states[State.RESTORING] * 2 >= reached.walks
