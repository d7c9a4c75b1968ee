"""Each word and each open state has its line in the table that leads on from it."""

import pytest

from restorebot.model import OPEN, State
from restorebot.slack.phrases.answers import INTERNAL_ERROR
from restorebot.subcommands import Subcommand
from tests.harness import ALICE, World


@pytest.mark.parametrize("word", Subcommand)
async def test_each_word_has_its_answer(scene: World, word: Subcommand) -> None:
    await scene.command(word.value)
    answers = await scene.private(ALICE)
    assert answers
    assert INTERNAL_ERROR not in str(answers)


async def test_each_open_state_has_its_step(scene: World) -> None:
    assert scene.bot is not None
    # A completed restore is looked at for some minutes more.
    assert scene.bot.runner._steps.keys() == OPEN | {State.COMPLETED}
