"""Logs without secrets, tasks that are never lost, and what a platform asks about health."""

import asyncio
import errno
import io
import json
import logging
import os

import httpx
import pytest
import structlog
from starlette.applications import Starlette

from restorebot import logs, server
from restorebot.tasks import Tasks

SECRET = "hunter2hunter2"


def logged(*secrets: str) -> io.StringIO:
    stream = io.StringIO()
    logs.configure(stream, secrets)
    return stream


def test_a_log_line_is_json_with_an_event_and_fields() -> None:
    stream = logged()
    structlog.get_logger("restorebot.slack").info("asked", restore="r1")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["restore"], line["level"], line["logger"]) == (
        "asked",
        "r1",
        "info",
        "slack",
    )


SHAPES = [
    "xoxb-1-abc-DEF",
    "xapp-1-A0-abc",
    "sk-0123456789abcdef0123",
    "Bearer abc.def",
    "asc_auth_key=abcdef",
    "https://hooks.slack.com/commands/T1/2/abc",
    "wss://wss-primary.slack.com/link/?ticket=abc",
]


@pytest.mark.parametrize("secret", [SECRET, *SHAPES])
def test_a_secret_is_masked_wherever_it_stands(secret: str) -> None:
    stream = logged(SECRET)
    log = structlog.get_logger("restorebot")
    log.warning(secret, value=secret, nested={"deep": [secret]}, text=f"a={secret};")
    logging.getLogger("somebody.else").warning("formatted %s", secret)
    log.warning("failed", exc_info=RuntimeError(secret))
    assert secret not in stream.getvalue()
    assert stream.getvalue().count(logs.MASK) >= 6


async def test_a_task_that_fails_is_logged_and_harms_no_other() -> None:
    stream = logged()
    tasks, done = Tasks(), asyncio.Event()

    async def fails() -> None:
        raise RuntimeError("a fault of ours")

    async def works() -> None:
        done.set()

    tasks.spawn(fails(), "fails")
    tasks.spawn(works(), "works")
    await tasks.drain(1)
    assert done.is_set()
    assert "task_failed" in stream.getvalue()
    assert "a fault of ours" in stream.getvalue()
    assert len(tasks) == 0


async def test_at_the_end_work_is_finished_or_cancelled_and_none_is_taken() -> None:
    stream = logged()
    tasks, finished = Tasks(), []

    async def quick() -> None:
        await asyncio.sleep(0)
        finished.append("quick")

    async def stuck() -> None:
        await asyncio.Event().wait()

    tasks.spawn(quick(), "quick")
    tasks.spawn(stuck(), "stuck")
    await tasks.drain(0.05)
    tasks.spawn(quick(), "late")
    assert finished == ["quick"]
    assert '"task": "stuck"' in stream.getvalue()
    assert "task_refused" in stream.getvalue()


async def test_health_tells_alive_from_ready() -> None:
    found = ["the database cannot be read"]

    async def problems() -> list[str]:
        return found

    app = Starlette(routes=list(server.health_routes(problems)))
    async with server.serve(app, "127.0.0.1", 0) as port, httpx.AsyncClient() as http:
        base = f"http://127.0.0.1:{port}"
        assert (await http.get(f"{base}/livez")).text == "ok\n"
        ready = await http.get(f"{base}/readyz")
        assert (ready.status_code, ready.json()["problems"]) == (503, found)
        found = []
        assert (await http.get(f"{base}/readyz")).json() == {"status": "ready"}
        with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
            async with server.serve(app, "127.0.0.1", port):
                pass
