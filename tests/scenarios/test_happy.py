"""The main job, end to end."""

import pytest

from restorebot.model import State
from restorebot.restores.watch import KeyFate
from restorebot.slack.phrases import card as card_words
from restorebot.slack.phrases import ending
from tests.harness import ALICE, BOB, World, words


@pytest.mark.both_transports
async def test_a_restore_is_asked_for_approved_started_once_and_watched_to_the_end(
    scene: World,
) -> None:
    restore = await scene.ask()
    assert restore.state is State.REQUESTED
    card = await scene.card()
    assert f"<@{BOB}>" in words(card)

    await scene.click("approve", BOB)
    restore = await scene.until(State.COMPLETED)
    await scene.pass_time(30)

    starts = (await scene.portal())["starts"]
    assert len(starts) == 1
    assert starts[0]["backupId"] == restore.source.backup_id
    thread = await scene.thread()
    assert [line.split("\n")[0][:40] for line in thread]
    assert ending.has_been_restored(restore) in thread[-2]
    assert f"<@{ALICE}>" in thread[-2]
    assert ending.KEYS[KeyFate.DEAD] in thread[-1]
    assert card_words.completed(restore) in words(await scene.card())
