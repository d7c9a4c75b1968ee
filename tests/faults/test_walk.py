"""Walks chosen by Hypothesis: a few in the quick run, more in the slow one.

They are the same each time, so that a red run is the change's; ``python -m tests.walk`` draws new
ones.
"""

import pytest

from restorebot.model import State
from tests.walk import walk

QUICK = 10
SLOW = 25


@pytest.mark.parametrize("start", [1, 2, 3, 4])
def test_forty_walks_keep_the_invariants(start: int) -> None:
    reached = walk(QUICK, start=start)
    assert reached.states[State.RESTORING]


@pytest.mark.slow
@pytest.mark.parametrize("start", [5, 6, 7, 8])
def test_a_hundred_walks_keep_the_invariants_and_reach_the_restore(start: int) -> None:
    reached = walk(SLOW, start=start)
    assert reached.states[State.RESTORING] * 3 >= reached.walks
