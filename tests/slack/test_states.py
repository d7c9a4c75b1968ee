"""Each state has its words, in every table that has a line for each."""

from dataclasses import replace

import pytest

from restorebot.cli import history
from restorebot.docspace.models import ADDRESS_BUSY, DELETED
from restorebot.model import ENDED, PostKind, State, Vote
from restorebot.sandbox.workspace.limits import check_message_blocks
from restorebot.slack import cards, thread
from restorebot.slack.phrases import approval, ending
from restorebot.slack.phrases.lists import ended_line
from restorebot.slack.phrases.restore import describe
from tests.storage.conftest import NOW, a_restore

NOBODY = cards.CardContext((), ())


@pytest.mark.parametrize("state", State)
def test_each_state_has_its_card_and_its_sentence(state: State) -> None:
    restore = a_restore("one", state=state)
    if state in ENDED:
        restore = replace(restore, ended_at=NOW)
    _, blocks = cards.card(restore, NOBODY)
    check_message_blocks(blocks)
    assert describe(restore)


@pytest.mark.parametrize("state", sorted(ENDED))
def test_each_end_is_told_in_the_thread(state: State) -> None:
    restore = replace(a_restore("one", state=state), ended_at=NOW)
    text, blocks = thread.thread_post(
        PostKind.CLOSING, restore, facts={}, witness="0123456789ab", context=NOBODY
    )
    check_message_blocks(blocks)
    assert text


def test_whoever_approved_their_own_request_is_said_to_wherever_approvers_are_named() -> None:
    restore = replace(
        a_restore("one", state=State.COMPLETED),
        approved_at=NOW,
        ended_at=NOW,
        self_approved=True,
        votes=(Vote("UALICE", NOW),),
    )
    card, _ = cards.card(restore, NOBODY)
    told = [card, describe(restore), ended_line(restore), ending.approved_when(restore)]
    told += [" ".join(history.row(restore))]
    assert all(approval.OWN_REQUEST in text for text in told)


def test_a_portal_that_lost_its_name_at_the_end_is_told_as_that() -> None:
    failed = replace(
        a_restore("one", state=State.FAILED),
        ended_at=NOW,
        sent_at=NOW,
        task_id="t-1",
        outcome=ADDRESS_BUSY,
        tenant_status=0,
    )
    renamed = ending.left_renamed(failed)
    assert renamed in ending.failed_state(failed)
    assert renamed in ending.other_alias(failed, f"acme{DELETED}")
