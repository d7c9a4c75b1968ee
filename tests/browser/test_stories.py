"""The stories that the README promises, played at the page."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from restorebot.model import State
from restorebot.slack.phrases import card, ending, home, picker, request, restore
from tests.browser.person import ALIAS, Demo, Person, of_acme, shown

Opened = Callable[..., Person]


def test_alice_asks_bob_approves_and_the_thread_tells_how_it_ended(
    person: Opened, demo: Demo
) -> None:
    demo.takes(4)
    alice = person("alice")
    bob = person("bob")
    alice.request()
    bob.sees(State.REQUESTED)
    bob.press(card.APPROVE)
    alice.sees(State.RESTORING)
    alice.sees(State.COMPLETED)
    alice.reads(ending.KEYS_ARE_DEAD)
    bob.sees(State.COMPLETED)
    expect(alice.page.locator("#portal-status")).to_contain_text("none: a restore deletes them")


def test_one_who_may_not_approve_is_told_so_and_nobody_else_sees_it(person: Opened) -> None:
    alice = person("alice")
    alice.request()
    alice.become("carol")
    alice.press(card.APPROVE)
    expect(alice.private).to_contain_text("Only visible to you")
    expect(alice.private).to_contain_text("approve")
    alice.sees(State.REQUESTED)
    alice.become("bob")
    expect(alice.page.locator("#messages article.private")).to_have_count(0)


def test_bob_denies_with_a_reason(person: Opened) -> None:
    alice = person("alice")
    alice.request()
    alice.become("bob")
    alice.press(card.DENY)
    reason = alice.modal.get_by_label(request.DENIAL_LABEL)
    expect(reason).to_be_focused()
    alice.submit(card.DENY)
    expect(alice.modal.get_by_text("Please complete this required field.")).to_be_visible()
    reason.fill("Wait until the auditors are gone.")
    alice.submit(card.DENY)
    alice.sees(State.DENIED)
    alice.reads("Wait until the auditors are gone.")
    expect(alice.card.get_by_role("button", name=card.APPROVE)).to_have_count(0)


def test_each_field_says_what_is_wrong_and_keeps_what_was_typed(person: Opened) -> None:
    alice = person("alice")
    alice.ask()
    alice.submit()
    expect(alice.modal.get_by_text("Please complete this required field.")).to_have_count(2)
    reason = alice.modal.get_by_label(request.REASON_LABEL)
    expect(reason).to_be_focused()
    expect(reason).to_have_attribute("aria-invalid", "true")
    alice.fill("   ", "ACME")
    alice.submit()
    expect(alice.modal.get_by_text(request.REASON_NEEDED)).to_be_in_viewport()
    expect(alice.modal.get_by_text(request.wrong_alias(ALIAS))).to_be_visible()
    expect(alice.modal.get_by_label(request.alias_label(ALIAS))).to_have_value("ACME")
    alice.fill()
    alice.submit()
    expect(alice.modal).to_be_hidden()


def test_a_command_is_completed_hinted_at_and_refused_as_slack_does(person: Opened) -> None:
    alice = person("alice")
    line = alice.page.get_by_label("Message", exact=True)
    line.press_sequentially("/re")
    expect(alice.page.get_by_role("option", name="/restore")).to_be_visible()
    line.press("Tab")
    expect(line).to_have_value("/restore ")
    expect(line).to_be_focused()
    expect(alice.page.locator("#hint")).to_contain_text("backup")
    alice.type("/nonsense 1")
    expect(alice.private).to_contain_text("/nonsense is not a valid command.")
    alice.type("/restore latest b c")
    expect(alice.private).to_contain_text("Type one backup")
    expect(alice.private).to_contain_text("Only visible to you")
    alice.type("Good morning")
    expect(alice.page.locator("#messages article").last).to_contain_text("Good morning")


def test_the_whole_story_by_keyboard(person: Opened, demo: Demo) -> None:
    demo.takes(2)
    alice = person("alice")
    keys = alice.page.keyboard
    backup = alice.page.locator("#backups li", has_text="weekly").locator("code").inner_text()
    line = alice.page.get_by_label("Message", exact=True)
    tab_to(alice, line)
    keys.type("/re")
    keys.press("Enter")
    keys.type(backup)
    keys.press("Enter")
    expect(alice.modal.get_by_label(request.REASON_LABEL)).to_be_focused()
    keys.press("Escape")
    expect(alice.modal).to_be_hidden()
    expect(line).to_be_focused()
    keys.type(f"/restore {backup}")
    keys.press("Enter")
    expect(alice.modal.get_by_label(request.REASON_LABEL)).to_be_focused()
    keys.type("By keyboard")
    keys.press("Tab")
    keys.type("acme")
    for _ in range(12):  # the focus goes round in the modal and does not leave it
        keys.press("Tab")
        assert alice.page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('#modal')"
        )
    alice.modal.get_by_label(request.alias_label(ALIAS)).focus()
    keys.press("Enter")
    expect(alice.modal).to_be_hidden()
    tab_to(alice, alice.page.locator("[data-as=bob]"))
    keys.press("Enter")
    alice.is_now("bob")
    tab_to(alice, alice.card.get_by_role("button", name=card.APPROVE))
    keys.press("Enter")
    expect(alice.page.locator("#confirm")).to_be_visible()
    keys.press("Escape")
    expect(alice.page.locator("#confirm")).to_be_hidden()
    expect(alice.card.get_by_role("button", name=card.APPROVE)).to_be_focused()
    alice.sees(State.REQUESTED)
    keys.press("Enter")
    expect(alice.page.locator("#confirm")).to_be_visible()
    tab_to(alice, alice.page.locator("#confirm button[value=yes]"))
    keys.press("Enter")
    alice.sees(State.COMPLETED)


def tab_to(person: Person, wanted: Locator) -> None:
    """Tab, as often as it takes; a page that lets nobody there fails."""
    for _ in range(60):
        person.page.keyboard.press("Tab")
        reached = wanted.evaluate("element => element === document.activeElement")
        if reached:
            return
    raise AssertionError(f"Tab does not reach {wanted}")


def test_at_a_phones_width_one_part_is_shown_at_a_time_and_the_story_works(
    person: Opened, demo: Demo
) -> None:
    demo.takes(2)
    alice = person("alice", 360, 740)
    tabs = alice.page.get_by_role("navigation", name="Parts of the page")
    tabs.get_by_role("button", name="Portal").click()
    alice.ask()
    assert alice.modal.bounding_box()["width"] <= 360  # type: ignore[index]
    alice.fill()
    alice.submit()
    alice.sees(State.REQUESTED)
    assert alice.page.evaluate("document.documentElement.scrollWidth") <= 360
    alice.approve()
    alice.sees(State.COMPLETED)
    alice.page.get_by_role("button", name=re.compile("replies$")).click()
    expect(alice.thread).to_be_visible()
    expect(alice.page.locator("#messages")).to_be_hidden()
    alice.reads(ending.KEYS_ARE_DEAD)
    assert alice.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_an_approver_decides_from_the_home_tab(person: Opened, demo: Demo) -> None:
    demo.takes(2)
    alice, bob = person("alice"), person("bob")
    bob.visit("restorebot: Home")
    tab = bob.page.locator("#messages")
    expect(tab).to_contain_text(shown(home.NOTHING_FOR_YOU))
    alice.request()
    bob.visit("#restores")
    bob.visit("restorebot: Home")
    expect(tab).to_contain_text(home.WAITING_FOR_YOU)
    tab.get_by_role("button", name=card.APPROVE, exact=True).click()
    bob.page.locator("#confirm button[value=yes]").click()
    approved = of_acme(State.APPROVED, voters=["U0BOB"])
    expect(bob.modal).to_contain_text(shown(restore.describe_done(approved)))
    bob.modal.get_by_role("button", name=request.CLOSE, exact=True).click()
    bob.visit("#restores")
    bob.sees(State.COMPLETED)


def test_a_planned_start_and_another_source_are_chosen_in_the_modal(person: Opened) -> None:
    alice = person("alice")
    alice.type("/restore ")
    alice.modal.get_by_label(picker.KIND_LABEL).select_option("0")
    alice.modal.get_by_label(picker.FILE_LABEL).fill("4711")
    alice.submit(picker.NEXT)
    expect(alice.modal).to_contain_text("1.2 GB, version 1")
    alice.fill()
    tomorrow = alice.page.evaluate(
        "new Date(Date.now() + 864e5 - new Date().getTimezoneOffset() * "
        "6e4).toISOString().slice(0, 16)"
    )
    alice.modal.get_by_label(request.START_LABEL).fill(tomorrow)
    alice.submit()
    alice.sees(State.REQUESTED)
    expect(alice.card).to_contain_text(shown(card.TO_START))


def test_back_leads_to_the_picker_with_what_was_chosen_and_typed(person: Opened) -> None:
    alice = person("alice")
    alice.type("/restore ")
    alice.modal.get_by_label(picker.KIND_LABEL).select_option("5")
    alice.modal.get_by_label(picker.PATH_LABEL).fill("nightly/acme.tar.gz")
    alice.modal.get_by_label("Bucket").fill("acme-backups")
    alice.modal.get_by_label("Region").fill("eu-west-1")
    alice.submit(picker.NEXT)
    expect(alice.modal).to_contain_text(
        "filePath nightly/acme.tar.gz, bucket acme-backups, region eu-west-1"
    )
    alice.modal.get_by_role("button", name=request.BACK, exact=True).click()
    expect(alice.modal.get_by_label(picker.PATH_LABEL)).to_have_value("nightly/acme.tar.gz")
    expect(alice.modal.get_by_label(picker.KIND_LABEL)).to_have_value("5")
    alice.submit(picker.NEXT)
    alice.fill()
    alice.submit()
    expect(alice.modal).to_be_hidden()
    alice.sees(State.REQUESTED)
