"""Run an ASGI app on 127.0.0.1: in a running loop, or as a program that says where it listens."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Generator

import uvicorn
from starlette.types import ASGIApp

LAST_WORDS = 0.1
"""Seconds for requests under way when a server stops."""


class _Server(uvicorn.Server):
    """A server in somebody else's loop, which stops when it is told to and not at its next tick."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._over = asyncio.Event()

    def stop(self) -> None:
        self.should_exit = self.force_exit = True
        self._over.set()

    async def main_loop(self) -> None:
        await self._over.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close everything. uvicorn's own waits the whole of its tenth of a second, each time."""
        for server in self.servers:
            server.close()
        for sock in sockets or []:
            sock.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                # Uvicorn has no event for it.
                while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110
                    await asyncio.sleep(0.002)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # Signals belong to the program that embeds the server, not to the server.
        yield


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_level="warning",
        lifespan="off",
        ws="websockets-sansio",
        access_log=False,
        # Long polls and sockets would keep a stopping server for as long as they last.
        timeout_graceful_shutdown=1,
        # Longer than a client keeps a connection, or the two may close and use it in the same
        # moment.
        timeout_keep_alive=60,
    )


def _listen(port: int) -> socket.socket:
    # With its protocol, or asyncio leaves TCP_NODELAY off and each answer waits 40 ms for an
    # acknowledgement.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    """Serve the app in this event loop.

    Yields its base URL, without a trailing slash, once it accepts connections.
    """
    sock = _listen(port)
    server = _Server(_config(app))
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        while not server.started:
            await asyncio.sleep(0.005)
            if task.done():
                await task
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.stop()
        await task
        sock.close()


@contextlib.asynccontextmanager
async def serving_all(*apps: ASGIApp) -> AsyncIterator[list[str]]:
    """Serve several apps, which stop together; yields their base URLs in order."""
    servers = [serving(app) for app in apps]
    urls = [await server.__aenter__() for server in servers]
    try:
        yield urls
    finally:
        await asyncio.gather(*(server.__aexit__(None, None, None) for server in servers))


def serve_program(app: ASGIApp, port: int) -> None:
    """Serve until SIGTERM or SIGINT.

    Prints one JSON line ``{"url": ...}`` to stdout once the socket is bound.
    """
    sock = _listen(port)
    sock.listen()
    print(json.dumps({"url": f"http://127.0.0.1:{sock.getsockname()[1]}"}), flush=True)
    uvicorn.Server(_config(app)).run(sockets=[sock])
