"""Two tabs, reloads, and texts that would like to be more than text."""

import re
from collections.abc import Callable

import httpx
from playwright.sync_api import expect

from restorebot.model import State
from restorebot.slack.phrases import card, ending, request
from tests.browser.person import Demo, Person, shown

Opened = Callable[..., Person]

NASTY = (
    "<img src=x onerror=alert(1)> <a href='javascript:alert(2)'>x</a> <javascript:alert(3)|click> "
    "*b* :x:"
)

NASTY_ID = "0e0e0e0e-0000-4000-8000-000000000000"


def test_two_tabs_of_one_person_stay_in_step(person: Opened) -> None:
    one, two = person("alice"), person("alice")
    one.ask()
    expect(two.modal.get_by_label(request.REASON_LABEL)).to_be_visible()
    two.fill("From the other tab")
    two.submit()
    expect(one.modal).to_be_hidden()
    expect(one.card).to_contain_text("From the other tab")
    two.switch("the archive is broken")
    expect(one.page.get_by_role("switch", name="the archive is broken")).to_be_checked()
    two.button("Kill the bot").click()
    expect(one.page.locator("#light")).to_have_text("bot is stopped")


def test_a_reload_shows_the_true_state_with_a_modal_and_without(person: Opened, demo: Demo) -> None:
    demo.takes(2)
    alice = person("alice")
    alice.ask()
    alice.page.reload()
    expect(alice.modal.get_by_label(request.REASON_LABEL)).to_be_visible()
    alice.fill()
    alice.submit()
    alice.sees(State.REQUESTED)
    alice.become("bob")
    alice.page.reload()
    expect(alice.page.locator("[data-as=bob]")).to_have_attribute("aria-pressed", "true")
    alice.press(card.APPROVE)
    alice.reads(shown(ending.VERIFICATION))
    before = alice.card.inner_text()
    alice.page.reload()
    alice.sees(State.COMPLETED)
    without_ages = [re.sub(r"·.*", "", text) for text in (before, alice.card.inner_text())]
    assert without_ages[0] == without_ages[1]


def test_an_edit_touches_only_what_it_changes(person: Opened, demo: Demo) -> None:
    demo.takes(20)
    alice = person("alice")
    alice.request()
    alice.card.evaluate(
        "card => { card.marked = true; card.querySelector('.b-fields').marked = true }"
    )
    alice.page.locator("#say").focus()
    httpx_approve(demo, alice)
    alice.sees(State.RESTORING)
    assert alice.card.evaluate("card => card.marked && card.querySelector('.b-fields').marked")
    expect(alice.page.locator("#say")).to_be_focused()


def httpx_approve(demo: Demo, person: Person) -> None:
    """Bob approves elsewhere, so that this tab does nothing but look."""
    ts = person.card.get_attribute("data-key")
    demo.post(
        "/slack/click", user="U0BOB", channel="C0RESTORES", ts=ts, action_id="restore_approve"
    )


def test_what_is_typed_is_shown_and_never_run(person: Opened) -> None:
    alice = person("alice")
    alice.ask()
    portal = re.search(r"http://127\.0\.0\.1:\d+", alice.modal.inner_text())
    assert portal
    alice.page.keyboard.press("Escape")
    expect(alice.modal).to_be_hidden()
    name = "<img src=x onerror=alert(4)>.tar.gz"
    httpx.post(
        f"{portal[0]}/_sandbox/backups", json={"id": NASTY_ID, "fileName": name}, trust_env=False
    )
    expect(alice.page.locator("#backups")).to_contain_text(name)
    alice.type(NASTY)
    expect(alice.page.locator("#messages article").last).to_contain_text(
        "<img src=x onerror=alert(1)>"
    )
    alice.ask(name)
    expect(alice.modal).to_contain_text(name)
    alice.fill(NASTY)
    alice.submit()
    expect(alice.card).to_contain_text("<img src=x onerror=alert(1)>")
    expect(alice.card).to_contain_text(name)
    assert alice.page.locator("article img, #modal img, #backups img").count() == 0
    assert alice.page.locator("a[href^='javascript']").count() == 0


def test_when_the_demo_ends_the_page_says_so(person: Opened, demo: Demo) -> None:
    alice = person("alice")
    alice.page.route("**/slack/**", lambda route: route.abort())
    alice.type("hello")
    expect(alice.page.locator("#toast")).to_have_text(
        "The demo does not answer. Is it still running in the terminal?"
    )
    expect(alice.page.get_by_label("Message", exact=True)).to_have_value("hello")
    alice.page.locator("#toast").click()
    expect(alice.page.locator("#toast")).to_be_hidden()
