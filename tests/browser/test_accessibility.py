"""axe-core's rules on the page and on an open modal, in both colour schemes and at both widths."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from restorebot.model import State
from restorebot.slack.phrases import card, home, picker
from tests.browser.person import Demo, Person

Opened = Callable[..., Person]


def violations(person: Person) -> str:
    found = Axe().run(person.page)
    return found.generate_report() if found.violations_count else ""


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
def test_page_modal_and_confirm_dialog_break_none_of_axes_rules(
    person: Opened, demo: Demo, scheme: str, width: int
) -> None:
    demo.takes(2)
    alice = person("alice", width, color_scheme=scheme)
    assert violations(alice) == ""
    alice.type("/restore ")
    alice.modal.get_by_label(picker.KIND_LABEL).select_option("5")
    expect(alice.modal.get_by_label(picker.PATH_LABEL)).to_be_visible()
    assert violations(alice) == ""
    alice.modal.get_by_label("Close this window").click()
    expect(alice.modal).to_be_hidden()
    if width < 760:
        alice.page.locator(".tabs [data-pane=portal]").click()
        assert violations(alice) == ""
    alice.ask()
    alice.submit()
    assert violations(alice) == ""
    alice.fill()
    alice.submit()
    alice.sees(State.REQUESTED)
    alice.become("bob")
    if width >= 760:
        alice.visit("restorebot: Home")
        expect(alice.page.locator("#messages")).to_contain_text(home.WAITING_FOR_YOU)
        assert violations(alice) == ""
        alice.visit("#restores")
    alice.card.get_by_role("button", name=card.APPROVE, exact=True).click()
    assert violations(alice) == ""
    alice.page.locator("#confirm button[value=yes]").click()
    alice.sees(State.COMPLETED)
    assert violations(alice) == ""
