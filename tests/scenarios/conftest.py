"""Scenarios are played over Socket Mode, against a portal with a message queue; other transports
and portals come in the slow run, or where it matters.

What a transport carries is the same for nearly every scenario. ``@pytest.mark.both_transports``
names those that show what it may do differently, and puts their HTTP into the quick run. How a
restore begins, is watched and is made safe differs by the portal's deployment, so that those
scenarios are played on each, but for those that ``@pytest.mark.profiles`` keeps to a few; the quick
run has a portal with a message queue, and for safety backups one without, too.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from restorebot.sandbox.portal.profiles import DEFAULT, PROFILES
from tests.harness import World, world

IN_PROCESS = "in-process"
NAMES_NO_TASK = "3.0"
"""Its restores end in a person's hands; scenarios of their own play that."""

ON_EACH_PROFILE = frozenset({"test_starting", "test_watching", "test_safety_backup"})
"""The scenarios' modules that are played on each profile."""

QUICK_IN_PROCESS = frozenset({"test_safety_backup"})
"""Those whose turns depend on the queue so much that the quick run has a portal without one."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give ``transport`` and ``profile`` their values."""
    names = {"transport", "profile"} & set(metafunc.fixturenames)
    both = bool(metafunc.definition.get_closest_marker("both_transports"))
    if names == {"transport"}:
        http = pytest.param("http", marks=_slow_unless(both))
        metafunc.parametrize("transport", ["socket", http])
    elif "transport" in names:
        worlds = [
            _world("socket", DEFAULT, quick=True),
            _world("http", DEFAULT, quick=both),
            *(_world("socket", name, quick=quick) for name, quick in _others(metafunc)),
        ]
        metafunc.parametrize(("transport", "profile"), worlds)
    elif "profile" in names:
        played = [(DEFAULT, True), *_others(metafunc)]
        marked = [pytest.param(name, marks=_slow_unless(quick)) for name, quick in played]
        metafunc.parametrize("profile", marked)


def _others(metafunc: pytest.Metafunc) -> list[tuple[str, bool]]:
    """Return the other profiles that a scenario is played on, and which are in the quick run."""
    only = metafunc.definition.get_closest_marker("profiles")
    module = metafunc.module.__name__.rpartition(".")[2]
    each = module in ON_EACH_PROFILE
    quick = module in QUICK_IN_PROCESS
    names = [name for name in PROFILES if name not in {DEFAULT, NAMES_NO_TASK}]
    if not each:
        names = [IN_PROCESS]
    return [
        (name, quick and name == IN_PROCESS) for name in names if only is None or name in only.args
    ]


def _world(transport: str, profile: str, *, quick: bool) -> Any:
    name = transport if profile == DEFAULT else profile
    return pytest.param(transport, profile, marks=_slow_unless(quick), id=name)


def _slow_unless(quick: bool) -> Any:
    return () if quick else pytest.mark.slow


@pytest.fixture
async def quiet(tmp_path: Path, transport: str, profile: str) -> AsyncIterator[World]:
    """The sandbox without a bot."""
    async with world(tmp_path, transport, profile=profile) as made:
        yield made


@pytest.fixture
async def scene(quiet: World) -> AsyncIterator[World]:
    """The sandbox with a running bot."""
    async with quiet.life():
        yield quiet
