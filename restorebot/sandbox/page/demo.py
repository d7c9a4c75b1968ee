"""``restorebot demo``: start everything and serve the page until Ctrl-C."""

import asyncio
import contextlib
import errno
import os
import signal
import sys
import webbrowser
from collections.abc import AsyncIterator

import httpx
from rich.console import Console

from restorebot.sandbox.page.server import PEOPLE, DemoPrograms, create_app
from restorebot.sandbox.programs import NotStarted, programs
from restorebot.sandbox.serve import serving


def _has_screen() -> bool:
    """Say whether a browser would get a window; one that runs in a terminal would take ours."""
    return sys.platform == "darwin" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )


async def play(port: int, *, browser: bool) -> int:
    """Serve the page until SIGINT, SIGTERM or SIGHUP, and return the exit code.

    Port 0 takes a free one.
    """
    console = Console(soft_wrap=True, highlight=False)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        async with _running(port) as url:
            console.print(url, soft_wrap=True)
            console.print(
                "A local Slack, a local portal and the real bot. Ctrl-C ends it and leaves nothing "
                "behind."
            )
            if browser and _has_screen():
                await asyncio.to_thread(webbrowser.open, url)
            await stopped.wait()
    except NotStarted as error:
        console.print(f"The demo could not start. {error}")
        return 1
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        console.print(
            f"Port {port} is taken. Choose another with --port, or a free one with --port 0."
        )
        return 1
    return 0


@contextlib.asynccontextmanager
async def _running(port: int) -> AsyncIterator[str]:
    """Start the programs and the page, and yield the page's address."""
    async with (
        programs(approvers=PEOPLE["bob"], speed=1.0) as started,
        httpx.AsyncClient(timeout=40, trust_env=False) as http,
    ):
        demo = DemoPrograms(started, http)
        async with serving(create_app(demo), port) as url:
            await started.start_bot()
            watch = asyncio.create_task(demo.watch())
            try:
                yield f"{url}/"
            finally:
                watch.cancel()
