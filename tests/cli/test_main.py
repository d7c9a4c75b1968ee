"""The command line as a user meets it: help, stories, and a service that starts, says what is
wrong, and stops.
"""

import asyncio
import contextlib
import errno
import json
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from restorebot.cli.main import CANNOT_START, no_story
from restorebot.sandbox import portal as sandbox_portal
from restorebot.sandbox import workspace as sandbox_workspace
from restorebot.sandbox.serve import serving
from restorebot.settings import line_of_variable, problems
from restorebot.settings import problems as setting_problems
from restorebot.settings.fields import HTTP_PORT
from restorebot.storage import problems as database_problems
from tests.harness import APP_TOKEN, BOT_TOKEN, KEY, MANIFEST

Environment = dict[str, str]


async def restorebot(
    *words: str, env: Environment | None = None, cwd: Path | None = None
) -> tuple[int, str, str]:
    """Run a command to its end; returns exit status, stdout and stderr."""
    process = await start(*words, env=env or {}, cwd=cwd)
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def start(
    *words: str, env: Environment, cwd: Path | None = None
) -> asyncio.subprocess.Process:
    inherited = {
        name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ
    }
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "restorebot", *words]
    return await asyncio.create_subprocess_exec(
        *command, env=inherited | env, cwd=cwd, stdout=pipe, stderr=pipe
    )


@pytest.fixture
async def env(tmp_path: Path) -> AsyncIterator[Environment]:
    """What a bot needs to run against a portal and a workspace that are there."""
    portal = sandbox_portal.Portal(key=KEY)
    workspace = sandbox_workspace.Workspace(MANIFEST, bot_token=BOT_TOKEN, app_token=APP_TOKEN)
    async with (
        serving(sandbox_portal.create_app(portal)) as portal_url,
        serving(sandbox_workspace.create_app(workspace)) as slack_url,
    ):
        yield {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_API_URL": f"{slack_url}/api/",
            "DOCSPACE_URL": portal_url,
            "DOCSPACE_API_KEY": KEY,
            "DATABASE_URL": f"sqlite:///{tmp_path / 'bot.sqlite3'}",
            "RESTOREBOT_APPROVERS": "U0BOB",
            "PORT": "0",
            "HOST": "127.0.0.1",
        }


async def ready(process: asyncio.subprocess.Process) -> str:
    """The log up to "ready"."""
    assert process.stderr
    lines = []
    async with asyncio.timeout(20):
        while line := (await process.stderr.readline()).decode():
            lines.append(line)
            if '"ready"' in line:
                return "".join(lines)
    raise AssertionError("".join(lines))


async def test_help_names_the_commands() -> None:
    status, out, _ = await restorebot("--help")
    assert status == 0
    assert all(command in out for command in ("run", "demo", "manifest"))


async def test_version_and_manifest_are_printed() -> None:
    assert (await restorebot("--version"))[1].startswith("restorebot 0.")
    assert (await restorebot("manifest"))[1] == MANIFEST.read_text(encoding="utf-8")


async def test_a_story_that_there_is_not_is_told_with_those_there_are() -> None:
    status, _, err = await restorebot("demo", "--script", "nonsense")
    assert status == 2
    assert err == f"{no_story('nonsense')}\n"


async def test_the_demo_serves_its_page_until_ctrl_c_and_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    env = {"TMPDIR": str(tmp_path), "MARK": str(tmp_path)}
    process = await start("demo", "--no-browser", "--port", "0", env=env)
    assert process.stdout
    async with asyncio.timeout(30):
        url = (await process.stdout.readline()).decode().strip()
        async with httpx.AsyncClient(trust_env=False) as http:
            assert "restorebot demo" in (await http.get(url)).text
        assert len(marked(tmp_path)) == 4, "the demo, the portal, the workspace and the bot"
        assert len(left_in(tmp_path)) == 1
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert marked(tmp_path) == []
    assert left_in(tmp_path) == []


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def marked(mark: Path) -> list[str]:
    """The processes whose environment has this mark."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"MARK={mark}".encode() in environ.read_bytes().split(b"\0"):
                found.append(environ.parent.name)
    return found


async def test_a_demo_whose_port_is_taken_says_so_and_exits_with_1(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        status, out, err = await restorebot("demo", "--port", port, env={"TMPDIR": str(tmp_path)})
    assert (status, err) == (1, "")
    assert (
        out.split()
        == f"Port {port} is taken. Choose another with --port, or a free one with --port 0.".split()
    )
    assert left_in(tmp_path) == []


async def test_without_settings_it_says_what_to_mend_and_exits_with_2(tmp_path: Path) -> None:
    status, _, err = await restorebot("run", cwd=tmp_path)
    assert status == 2
    assert CANNOT_START in err
    assert f"SLACK_BOT_TOKEN: {setting_problems.MISSING}" in err
    assert "Traceback" not in err


@asynccontextmanager
async def running(env: Environment, folder: Path) -> AsyncIterator[int]:
    """A bot from "ready" to SIGTERM, which has to end it well; yields the port of its health."""
    process = await start("run", env=env, cwd=folder)
    try:
        log = await ready(process)
        yield next(json.loads(line)["port"] for line in log.splitlines() if '"port"' in line)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            _, rest = await process.communicate()
        assert process.returncode == 0, rest.decode()
    finally:
        if process.returncode is None:
            process.kill()


async def test_it_starts_serves_health_and_stops_at_sigterm(
    env: Environment, tmp_path: Path
) -> None:
    async with running(env, tmp_path) as port, httpx.AsyncClient() as http:
        assert (await http.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
        assert (await http.get(f"http://127.0.0.1:{port}/livez")).status_code == 200


@pytest.mark.slow
async def test_a_second_one_on_the_same_database_gives_up_after_a_while(
    env: Environment, tmp_path: Path
) -> None:
    """It gives the one before it real seconds to stop; how it gives up is tested at the store."""
    async with running(env, tmp_path):
        second, _, err = await restorebot("run", env=env, cwd=tmp_path)
    assert second == 1
    assert database_problems.held(str(tmp_path / "bot.sqlite3")) in err


async def test_a_port_that_is_taken_is_told_with_another(env: Environment, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, _, err = await restorebot("run", env=env | {"PORT": str(port)}, cwd=tmp_path)
    assert status == 2
    sentence = setting_problems.port_taken(f"127.0.0.1:{port}")
    assert f"PORT: {sentence}; for example PORT={HTTP_PORT + 1}\n" in err


@pytest.mark.parametrize(
    ("name", "wrong"), [("SLACK_BOT_TOKEN", "xoxb-wrong"), ("SLACK_APP_TOKEN", "xapp-wrong")]
)
async def test_a_token_that_slack_does_not_know_is_told(
    env: Environment, tmp_path: Path, name: str, wrong: str
) -> None:
    status, _, err = await restorebot("run", env=env | {name: wrong}, cwd=tmp_path)
    assert status == 2
    assert line_of_variable(name, problems.refused_by_slack("invalid_auth")) in err
    assert wrong not in err
    assert "Traceback" not in err


async def test_a_database_that_is_newer_than_the_program_is_left_alone(
    env: Environment, tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "bot.sqlite3") as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
    status, _, err = await restorebot("run", env=env, cwd=tmp_path)
    assert status == 1
    assert database_problems.unknown_revision("9999") in err
    assert "Traceback" not in err


async def test_a_database_that_cannot_be_opened_is_told(env: Environment, tmp_path: Path) -> None:
    file = str(tmp_path / "nowhere" / "bot.sqlite3")
    nowhere = env | {"DATABASE_URL": f"sqlite:///{file}"}
    status, _, err = await restorebot("run", env=nowhere, cwd=tmp_path)
    assert status == 1
    assert database_problems.cannot_open(file, os.strerror(errno.ENOENT)) in err
    assert "Traceback" not in err
