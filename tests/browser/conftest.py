"""A demo for each test, started as its user starts it, and a browser to look at it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.browser.person import Demo, Person

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Chromium, for as long as the tests of this folder run and no longer.

    Playwright's synchronous API keeps an event loop running in this thread until it is stopped,
    and no async test of another folder could run beside it.
    """
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = f"no browser: none of {', '.join(NAMES)} is installed"
        if os.environ.get("BROWSER_TESTS") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    # As root, which is what a container's tests often are, Chromium has no sandbox.
    args = [*QUIET, "--disable-component-update", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=args)
        yield browser
        browser.close()


@pytest.fixture
def demo(chromium: Browser) -> Iterator[Demo]:
    command = [sys.executable, "-m", "restorebot", "demo", "--no-browser", "--port", "0"]
    # Our own program.
    process = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout
    try:
        yield Demo(process.stdout.readline().strip())
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()


@pytest.fixture
def person(chromium: Browser, demo: Demo) -> Iterator[Callable[..., Person]]:
    """Opens a tab for somebody; in the end, no tab may have had an error or broken the page's
    policy.
    """
    complaints: list[str] = []
    contexts = []

    def listen(page: Page) -> None:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"a dialog: {dialog.message}"))
        page.on(
            "console",
            lambda line: complaints.append(line.text) if _bad(line.type, line.text) else None,
        )

    def opened(
        name: str = "alice", width: int = 1280, height: int = 800, **options: object
    ) -> Person:
        size: ViewportSize = {"width": width, "height": height}
        # What ``options`` has is the caller's.
        context = chromium.new_context(viewport=size, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        listen(page)
        page.goto(f"{demo.url}?as={name}")
        expect(page.locator("#light")).to_have_text("bot is connected")
        return Person(page)

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def _bad(kind: str, text: str) -> bool:
    # Chromium writes a line for each request that fails, which the page itself has told the person.
    return kind == "error" and not text.startswith("Failed to load resource")
