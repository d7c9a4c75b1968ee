"""Clicks: parsed once, and checked by the service when they act."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from restorebot.errors import Refused
from restorebot.model import Restore
from restorebot.restores.service import Service, Settlement
from restorebot.slack import archive_form, cards
from restorebot.slack.client import open_modal
from restorebot.slack.denial_modal import denial_modal
from restorebot.slack.phrases import answers as words
from restorebot.slack.request_flow import RequestFlow


@dataclass(frozen=True, kw_only=True)
class Click:
    """A block_actions payload, parsed once.

    ``value`` is the button's; None for a select. ``response_url`` is None where there is no
    message: in App Home and in modals.
    """

    action_id: str
    value: str | None
    user: str
    response_url: str | None
    trigger_id: str
    in_home: bool = False
    view: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> "Click":
        """Read Slack's payload."""
        action = body["actions"][0]
        view = body.get("view") or {}
        return cls(
            action_id=action["action_id"],
            value=action.get("value"),
            user=body["user"]["id"],
            response_url=body.get("response_url"),
            trigger_id=body["trigger_id"],
            in_home=view.get("type") == "home",
            view=view,
        )

    @property
    def restore_id(self) -> str:
        """Return whose button it is. Raise Refused for a button that belongs to no restore."""
        if self.value is None:
            raise Refused(words.UNKNOWN_BUTTON)
        return self.value


ActionHandler = Callable[[Click], Awaitable[Restore | None]]
"""Does what a button says; returns the restore as it is then, None for a modal that it opened."""


def action_handlers(
    service: Service, flow: RequestFlow, client: AsyncWebClient
) -> dict[str, ActionHandler]:
    """Return what each button does, by its ``action_id``."""

    async def settle(click: Click, how: Settlement) -> Restore:
        return await service.settle(click.restore_id, click.user, how)

    async def ask_why(click: Click) -> None:
        restore = await service.check_may_deny(click.restore_id, click.user)
        modal = denial_modal(restore)
        await open_modal(client, click.trigger_id, modal, words.CLICK_DENY_AGAIN)

    return {
        cards.APPROVE: lambda click: service.approve(click.restore_id, click.user),
        cards.DENY: ask_why,
        cards.WITHDRAW: lambda click: service.withdraw(click.restore_id, click.user),
        cards.STOP: lambda click: service.stop(click.restore_id, click.user),
        cards.AGAIN: lambda click: flow.ask_again(click.restore_id, click.user, click.trigger_id),
        cards.SETTLE_RUNNING: partial(settle, how=Settlement.RUNNING),
        cards.SETTLE_FINISHED: partial(settle, how=Settlement.FINISHED),
        cards.SETTLE_NOT_FINISHED: partial(settle, how=Settlement.NOT_FINISHED),
        cards.SETTLE_NOT_STARTED: partial(settle, how=Settlement.NOT_STARTED),
        archive_form.CHOOSE_KIND: lambda click: flow.change_kind(click.view),
        archive_form.CHOOSE_MODULE: lambda click: flow.change_kind(click.view),
    }
