"""The modal that asks an approver why not."""

from collections.abc import Mapping
from typing import Any

from restorebot.model import Restore
from restorebot.slack.blocks import Block, input_block, modal, plain_section, section, text_input
from restorebot.slack.cards import REASON_SHOWN
from restorebot.slack.forms import FieldErrors, input_value
from restorebot.slack.phrases import card
from restorebot.slack.phrases import request as words
from restorebot.slack.request_modal import REASON

DENIAL = "restore_denial"


def denial_modal(restore: Restore) -> Block:
    """Return the modal; the reason may be as long as the card shows one."""
    reason = text_input(max_length=REASON_SHOWN, multiline=True)
    blocks = [
        section(words.asks_to_restore(restore)),
        plain_section(card.REASON, restore.reason, REASON_SHOWN),
        input_block(REASON, words.DENIAL_LABEL, reason),
    ]
    return modal(
        blocks,
        callback_id=DENIAL,
        title=words.DENY_TITLE,
        close=words.CANCEL,
        submit=card.DENY,
        private_metadata=restore.id,
    )


def parse_denial(view: Mapping[str, Any]) -> tuple[str, str]:
    """Return the restore's id and the reason. Raise FieldErrors."""
    reason = input_value(view, REASON)
    if not reason:
        raise FieldErrors({REASON: words.DENIAL_NEEDED})
    return view["private_metadata"], reason
