"""Scenarios are played over Socket Mode; over HTTP too, in the slow run or where it matters.

What a transport carries is the same for nearly every scenario. ``@pytest.mark.both_transports``
names those that show what it may do differently, and puts their HTTP into the quick run.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness import World, world


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give ``transport`` its values."""
    if "transport" not in metafunc.fixturenames:
        return
    quick = metafunc.definition.get_closest_marker("both_transports")
    http = pytest.param("http", marks=() if quick else pytest.mark.slow)
    metafunc.parametrize("transport", ["socket", http])


@pytest.fixture
async def quiet(tmp_path: Path, transport: str) -> AsyncIterator[World]:
    """The sandbox without a bot."""
    async with world(tmp_path, transport) as made:
        yield made


@pytest.fixture
async def scene(quiet: World) -> AsyncIterator[World]:
    """The sandbox with a running bot."""
    async with quiet.life():
        yield quiet
