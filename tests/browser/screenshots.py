"""Take the README's pictures: ``python -m tests.browser.screenshots`` writes them into
``docs/``.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from restorebot.model import State
from restorebot.slack.phrases import card, ending, request, thread
from tests.browser.person import ALIAS, Demo, Person, of_acme, shown

PICTURES = Path(__file__).parents[2] / "docs"
LARGEST = 300_000
"""Bytes of a picture; what a README may ask of its readers."""


def take(alice: Person, demo: Demo) -> None:
    """Play the happy story and stop where there is something to see."""
    alice.ask()
    alice.fill()
    alice.modal.get_by_label(request.alias_label(ALIAS)).blur()
    shot(alice, "modal")
    alice.submit()
    alice.sees(State.REQUESTED)
    alice.become("bob")
    shot(alice, "request")
    alice.press(card.APPROVE)
    alice.reads(shown(thread.loading(of_acme(State.RESTORING))))
    expect(alice.card).to_contain_text("75 %")
    shot(alice, "running")
    demo.takes(5)
    alice.reads(shown(ending.VERIFICATION))
    shot(alice, "completed")


def shot(person: Person, name: str) -> None:
    person.page.mouse.move(0, 0)
    person.page.locator("#portal .scroll").evaluate("drawer => drawer.scrollTo(0, 0)")
    picture = person.page.screenshot(animations="disabled", caret="hide")
    if len(picture) > LARGEST:
        raise SystemExit(f"The picture {name} has {len(picture)} bytes, more than {LARGEST}.")
    (PICTURES / f"{name}.png").write_bytes(picture)
    print(f"{name}.png  {len(picture) / 1000:.0f} kB")


def main() -> None:
    """Start a demo, take the pictures, end it."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("There is no Chromium to take pictures with. Install it, then try again.")
    PICTURES.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "restorebot", "demo", "--no-browser", "--port", "0"]
    # Our own program.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        demo = Demo(process.stdout.readline().strip() if process.stdout else "")
        with sync_playwright() as playwright:
            arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = playwright.chromium.launch(
                executable_path=found, args=["--disable-gpu", *arguments]
            )
            page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-US")
            page.goto(f"{demo.url}?as=alice")
            expect(page.locator("#light")).to_have_text("bot is connected")
            take(Person(page), demo)
            browser.close()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


if __name__ == "__main__":
    main()
