"""The table of moves, walked at random; `test_truth.py` holds it against architecture §2.1."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restorebot.model import ENDED, LIVE, MOVES, OPEN, WAITING, Event, Phase, State, may_move
from restorebot.restores.progress import phase_posts


def test_every_state_is_waiting_live_or_ended_and_only_ends_have_no_way_on() -> None:
    assert set(State) == WAITING | LIVE | ENDED
    assert not WAITING & LIVE
    assert not OPEN & ENDED
    assert set(MOVES) == OPEN


@pytest.mark.parametrize("ended", sorted(ENDED))
def test_nothing_leaves_an_end(ended: State) -> None:
    assert not any(may_move(ended, new) for new in State if new is not ended)


def test_only_a_completed_restore_has_work_left_at_its_end() -> None:
    assert [state for state in ENDED if may_move(state, state)] == [State.COMPLETED]


@given(st.lists(st.sampled_from(sorted(State)), max_size=12))
def test_a_random_walk_sends_at_most_one_post(wishes: list[State]) -> None:
    """Whatever is wished for, `starting` is left at most once for anything but `approved`, where
    nothing was sent: that is the one POST of invariant I1.
    """
    state, sent = State.REQUESTED, 0
    for wish in wishes:
        if may_move(state, wish):
            sent += state is State.STARTING and wish not in {State.STARTING, State.APPROVED}
            state = wish
    assert sent <= 1


def test_an_unknown_outcome_never_leads_back_to_the_start() -> None:
    reachable, todo = set[State](), [State.UNKNOWN]
    while todo:
        for new in MOVES.get(todo.pop(), frozenset()) - reachable:
            reachable.add(new)
            todo.append(new)
    assert State.STARTING not in reachable


def test_each_end_and_each_phase_that_is_told_is_an_event_of_the_same_name() -> None:
    told = {phase.value for phase in Phase if phase_posts(None, phase)}
    assert {state.value for state in ENDED} | told <= {event.value for event in Event}


def test_an_event_is_one_word_of_small_letters() -> None:
    assert [event for event in Event if not re.fullmatch(r"[a-z]+(_[a-z]+)*", event)] == []
