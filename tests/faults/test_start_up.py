"""The start of the real program, with Slack away, refusing or behind a wall that lets no WebSocket
through: it says so, stays stoppable, and watches restores meanwhile.
"""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from restorebot import setup_hints
from restorebot.sandbox.serve import serving
from restorebot.settings import problems
from tests.faults.programs import Sandbox, free_port, program, sandbox


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with sandbox(tmp_path) as made:
        yield made


async def test_a_normal_start_has_no_traceback_and_no_warning(box: Sandbox, tmp_path: Path) -> None:
    async with program(box.env, tmp_path) as bot:
        assert (await bot.logged("ready"))["port"] == bot.port
        assert (await bot.readiness(200))["status"] == "ready"
        await bot.stop()
    assert "warning" not in bot.log


async def test_health_can_be_switched_off(box: Sandbox, tmp_path: Path) -> None:
    async with program(box.env | {"RESTOREBOT_HEALTH": "false"}, tmp_path) as bot:
        assert (await bot.logged("ready"))["port"] is None
        await bot.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_with_slack_away_it_is_alive_says_so_and_can_be_stopped(
    box: Sandbox, tmp_path: Path, number: signal.Signals
) -> None:
    away = box.env | {"SLACK_API_URL": f"http://127.0.0.1:{free_port()}/api/"}
    async with program(away, tmp_path) as bot:
        assert (await bot.health()).status_code == 200
        tried = await bot.logged("slack_unreachable")
        assert tried["cause"] == setup_hints.CONNECTION_REFUSED
        assert (await bot.readiness(503))["problems"] == [setup_hints.NOT_GREETED]
        assert await bot.stop(number) < 5
    assert bot.events("ready") == []


async def test_a_name_that_dns_does_not_know_is_told(box: Sandbox, tmp_path: Path) -> None:
    async with program(box.env | {"SLACK_API_URL": "https://slack.invalid/api/"}, tmp_path) as bot:
        assert (await bot.logged("slack_unreachable"))["cause"] == setup_hints.NAME_UNKNOWN
        await bot.stop()


@asynccontextmanager
async def walled(box: Sandbox) -> AsyncIterator[str]:
    """A Web API that answers, and a wall that refuses every WebSocket."""
    refused = f"{box.slack_url.replace('http', 'ws', 1)}/link/?ticket=stale"

    async def answer(request: Request) -> JSONResponse:
        if request.path_params["method"] == "auth.test":
            return JSONResponse({"ok": True, "team_id": "T0SANDBOX"})
        return JSONResponse({"ok": True, "url": refused})

    app = Starlette(routes=[Route("/api/{method}", answer, methods=["GET", "POST"])])
    async with serving(app) as url:
        yield f"{url}/api/"


@pytest.mark.slow
async def test_a_refused_websocket_is_told_at_each_try_and_can_be_stopped(
    box: Sandbox, tmp_path: Path
) -> None:
    async with walled(box) as url, program(box.env | {"SLACK_API_URL": url}, tmp_path) as bot:
        tried = await bot.logged("slack_unreachable", count=2)
        assert tried["cause"] == setup_hints.websocket_refused(403)
        assert (await bot.readiness(503))["problems"] == [setup_hints.SOCKET_DISCONNECTED]
        assert await bot.stop() < 5
    assert bot.events("ready") == []


@pytest.mark.parametrize("method", ["auth.test", "apps.connections.open"])
@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "error", "error": "internal_error"},
        {"fault": "error", "error": "fatal_error"},
        {"fault": "ratelimited"},
        {"fault": "server_error"},
        {"fault": "lost_answer"},
    ],
    ids=lambda fault: str(fault.get("error", fault["fault"])),
)
@pytest.mark.slow
async def test_what_passes_at_the_start_is_waited_out(
    box: Sandbox, tmp_path: Path, method: str, fault: dict[str, str]
) -> None:
    await box.slack("faults", **{method: fault | {"times": 2}})
    async with program(box.env, tmp_path) as bot:
        await bot.logged("ready")
        await bot.stop()
    assert await box.calls(method) >= 2
    assert bot.events("slack_unreachable") != []


@pytest.mark.parametrize("method", ["auth.test", "apps.connections.open"])
async def test_a_refused_token_ends_the_start(box: Sandbox, tmp_path: Path, method: str) -> None:
    fault = {"fault": "error", "error": "account_inactive", "times": 100}
    await box.slack("faults", **{method: fault})
    async with program(box.env, tmp_path) as bot:
        assert await bot.ended() == 2
    assert problems.refused_by_slack("account_inactive") in bot.log
    assert "Traceback" not in bot.log


@pytest.mark.slow
async def test_a_token_that_is_revoked_later_is_not_ready(box: Sandbox, tmp_path: Path) -> None:
    fault = {"fault": "error", "error": "account_inactive", "times": 100}
    async with program(box.env, tmp_path) as bot:
        await bot.logged("ready")
        await box.slack("faults", **{"auth.test": fault})
        found = await bot.readiness(503)
        assert found["problems"] == [setup_hints.bot_refused("account_inactive")]
        await bot.stop()
