"""What a person does at the page, by the words that they see."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import httpx
from playwright.sync_api import Locator, Page, expect

from restorebot.model import Restore, State, Vote
from restorebot.slack.phrases import card, request, restore
from tests.storage.conftest import NOW, a_restore

expect.set_options(timeout=20_000)

ALIAS = "acme"


def of_acme(state: State, voters: Iterable[str] = ()) -> Restore:
    """A restore as the demo has it, for the sentences about it."""
    votes = tuple(Vote(user, NOW) for user in voters)
    return replace(a_restore("r1", state=state), votes=votes)


def shown(mrkdwn: str) -> str:
    """What of a sentence can be read on the page, without the emoji before it."""
    unmarked = re.sub(r"^:\w+: |[`*]", "", mrkdwn)
    return re.sub(r"<@U0(\w+)>", lambda mention: f"@{mention[1].lower()}", unmarked)


@dataclass(frozen=True)
class Demo:
    """A running demo."""

    url: str

    def post(self, path: str, **body: object) -> None:
        httpx.post(f"{self.url.rstrip('/')}{path}", json=body, trust_env=False).raise_for_status()

    def takes(self, seconds: float) -> None:
        """How long a restore takes from now on, in real seconds."""
        self.post("/portal/speed", takes=seconds)


class Person:
    """Somebody at a tab."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def modal(self) -> Locator:
        return self.page.locator("#modal")

    @property
    def card(self) -> Locator:
        """The newest card in the channel."""
        return self.page.locator("#messages article", has=self.page.get_by_role("heading")).last

    @property
    def thread(self) -> Locator:
        return self.page.locator("#replies")

    @property
    def private(self) -> Locator:
        return self.page.locator("#messages article.private").last

    def become(self, name: str) -> None:
        button = self.page.locator(f"[data-as={name}]")
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        self.is_now(name)

    def is_now(self, name: str) -> None:
        """The page has drawn what this person sees: what is clicked before is the other's."""
        expect(self.page.locator("body")).to_have_attribute("data-you", f"U0{name.upper()}")

    def visit(self, place: str) -> None:
        """A channel, or the app's Home tab."""
        self.page.locator("#side").get_by_role("button", name=place).click()

    def type(self, text: str) -> None:
        self.page.get_by_label("Message", exact=True).fill(text)
        self.page.keyboard.press("Enter")

    def ask(self, backup: str = "weekly") -> None:
        """Open the modal by the drawer's button, as far as its first look at the portal."""
        self.page.locator("#backups li", has_text=backup).get_by_role("button").first.click()
        self.page.keyboard.press("Enter")
        expect(self.modal.get_by_text("nothing running")).to_be_visible()

    def fill(self, reason: str = "Tuesday's import went wrong", alias: str = ALIAS) -> None:
        self.modal.get_by_label(request.REASON_LABEL).fill(reason)
        self.modal.get_by_label(request.alias_label(ALIAS)).fill(alias)

    def submit(self, name: str = request.SUBMIT) -> None:
        self.modal.get_by_role("button", name=name, exact=True).click()

    def request(self, reason: str = "Tuesday's import went wrong") -> None:
        self.ask()
        self.fill(reason)
        self.submit()
        expect(self.modal).to_be_hidden()
        self.sees(State.REQUESTED)

    def press(self, name: str) -> None:
        """A button of the card, its confirm dialog included."""
        self.card.get_by_role("button", name=name, exact=True).click()
        question = self.page.locator("#confirm")
        if question.is_visible():
            question.locator("button[value=yes]").click()

    def approve(self) -> None:
        self.become("bob")
        self.press(card.APPROVE)

    def sees(self, state: State) -> None:
        """The newest card's title."""
        title = restore.title(of_acme(state))
        expect(self.card.get_by_role("heading")).to_have_text(title)

    def reads(self, words: str) -> None:
        """Something in the thread."""
        expect(self.thread).to_contain_text(words)

    def switch(self, words: str, *, on: bool = True) -> None:
        box = self.page.locator("#portal").get_by_role("switch", name=words)
        box.set_checked(on)

    def button(self, words: str) -> Locator:
        return self.page.locator("#portal").get_by_role("button", name=words, exact=True)
