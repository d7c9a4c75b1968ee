"""Every scenario is played twice: over Socket Mode and over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness import World, world


@pytest.fixture(params=["socket", "http"])
async def quiet(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """The sandbox without a bot."""
    async with world(tmp_path, request.param) as made:
        yield made


@pytest.fixture
async def scene(quiet: World) -> AsyncIterator[World]:
    """The sandbox with a running bot."""
    async with quiet.life():
        yield quiet
