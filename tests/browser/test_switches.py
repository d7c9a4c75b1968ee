"""Each switch of the portal's drawer does what it says, and what the bot makes of it is on the
page.
"""

from collections.abc import Callable

from playwright.sync_api import expect

from restorebot.model import Phase, State
from restorebot.restores import watch
from restorebot.slack.cards import bar
from restorebot.slack.phrases import card, ending, request, restore
from tests.browser.person import Demo, Person, shown

Opened = Callable[..., Person]


def test_a_broken_archive_fails_and_the_thread_says_why(person: Opened, demo: Demo) -> None:
    demo.takes(4)
    alice = person()
    alice.switch("the archive is broken")
    alice.request()
    alice.approve()
    alice.sees(State.FAILED)
    expect(alice.page.locator("#portal-status")).to_contain_text("failed")
    alice.switch("the archive is broken", on=False)


def test_a_portal_that_is_away_is_told_of_and_comes_back_by_itself(
    person: Opened, demo: Demo
) -> None:
    alice = person()
    alice.button("The portal goes away for 20 s").click()
    expect(alice.page.locator("#portal-status")).to_contain_text("away: it does not answer")
    alice.page.locator("#backups button").first.click()
    alice.page.keyboard.press("Enter")
    expect(alice.modal).to_contain_text(shown(request.CANNOT_BE_ASKED))
    alice.page.keyboard.press("Escape")
    demo.takes(1)  # its 20 seconds are the portal's, which now go by in one
    expect(alice.page.locator("#portal-status")).to_contain_text("open")
    alice.request()


def test_a_worker_that_dies_leaves_a_lock_that_support_takes_away(
    person: Opened, demo: Demo
) -> None:
    demo.takes(2)
    alice = person()
    alice.switch("the portal's worker dies")
    alice.request()
    alice.approve()
    alice.sees(State.RESTORING)
    expect(alice.page.locator("#portal-status")).to_contain_text("locked: a restore is going on")
    expect(alice.card).to_contain_text(restore.PHASES[Phase.LOADING])
    alice.button("Support repairs the portal by hand").click()
    expect(alice.page.locator("#portal-status")).to_contain_text("open")
    expect(alice.card).to_contain_text(watch.TASK_NOT_VISIBLE)


def test_a_task_that_stalls_at_75_goes_on_when_the_switch_is_off(
    person: Opened, demo: Demo
) -> None:
    demo.takes(2)
    alice = person()
    alice.switch("the task stalls at 75 %")
    alice.request()
    alice.approve()
    expect(alice.card).to_contain_text(shown(card.percentage(bar(75), 75)))
    expect(alice.page.locator("#portal-status")).to_contain_text("75 %")
    alice.sees(State.RESTORING)
    alice.switch("the task stalls at 75 %", on=False)
    alice.sees(State.COMPLETED)


def test_somebody_elses_restore_is_in_the_way(person: Opened) -> None:
    alice = person()
    alice.button("Someone else starts a restore").click()
    expect(alice.page.locator("#portal-status")).to_contain_text("%")
    alice.ask()
    expect(alice.modal).to_contain_text(shown(request.CANNOT_BE_ASKED))
    expect(alice.modal.get_by_role("button", name=request.SUBMIT)).to_have_count(0)


def test_an_expired_key_is_named_and_a_new_one_works(person: Opened) -> None:
    alice = person()
    alice.button("The bot's API key expires").click()
    alice.ask()
    expect(alice.modal).to_contain_text("❌ API key")
    alice.page.keyboard.press("Escape")
    alice.button("Give it a new API key").click()
    expect(alice.page.locator("#light")).to_have_text("bot is starting")
    expect(alice.page.locator("#light")).to_have_text("bot is connected")
    alice.request()


def test_a_slack_that_answers_429_is_waited_for_and_nothing_is_lost(
    person: Opened, demo: Demo
) -> None:
    demo.takes(2)
    alice = person()
    alice.request()
    button = alice.button("Slack answers 429 for a while")
    button.click()
    expect(button).to_have_class("on")
    alice.approve()
    alice.sees(State.COMPLETED)
    alice.reads(ending.KEYS_ARE_DEAD)


def test_the_bot_is_killed_and_started_and_goes_on_where_it_was(person: Opened, demo: Demo) -> None:
    alice = person()
    alice.request()
    alice.approve()
    alice.sees(State.RESTORING)
    alice.button("Kill the bot").click()
    expect(alice.page.locator("#light")).to_have_text("bot is stopped")
    expect(alice.button("Kill the bot")).to_be_disabled()
    alice.type("/restore x")
    expect(alice.private).to_contain_text('/restore failed with the error "dispatch_failed"')
    demo.takes(1)
    expect(alice.page.locator("#portal-status")).to_contain_text("finished, 100 %")
    alice.sees(State.RESTORING)
    alice.button("Start the bot").click()
    expect(alice.page.locator("#light")).to_have_text("bot is connected")
    alice.sees(State.COMPLETED)


def test_a_modal_whose_bot_is_killed_says_so_and_works_when_it_is_back(
    person: Opened, demo: Demo
) -> None:
    alice = person()
    alice.ask()
    alice.fill("Before the kill")
    demo.post("/bot/kill")
    expect(alice.page.locator("#light")).to_have_text("bot is stopped")
    alice.submit()
    expect(alice.modal.get_by_text("We had some trouble connecting. Try again?")).to_be_visible()
    demo.post("/bot/start")
    expect(alice.page.locator("#light")).to_have_text("bot is connected")
    alice.submit()
    expect(alice.modal).to_be_hidden()
    expect(alice.card).to_contain_text("Before the kill")
