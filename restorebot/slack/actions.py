"""Clicks on a card: parsed once, checked by the service when they act, and answered privately when
they do nothing.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from restorebot.model import Restore, State
from restorebot.restores.service import Service, Settlement
from restorebot.slack import archive_form, cards, request_modal
from restorebot.slack.commands import RestoreCommand
from restorebot.slack.mrkdwn import date, mention, mentions


@dataclass(frozen=True)
class Click:
    """A block_actions payload, parsed once. ``restore_id`` is the button's value."""

    action: str
    restore_id: str
    user: str
    response_url: str
    trigger_id: str
    in_home: bool = False
    view: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> "Click":
        action = body["actions"][0]
        where = body.get("response_url", ""), body.get("trigger_id", "")
        view = body.get("view") or {}
        in_home = view.get("type") == "home"
        return cls(
            action["action_id"], action.get("value", ""), body["user"]["id"], *where, in_home, view
        )


ActionHandler = Callable[[Click], Awaitable[Any]]


def action_handlers(
    service: Service, command: RestoreCommand, client: AsyncWebClient
) -> dict[str, ActionHandler]:
    """What each button does, by its ``action_id``: returns the restore as it is then, None for a
    modal opened.
    """

    def settle(how: Settlement) -> ActionHandler:
        return lambda click: service.settle(click.restore_id, click.user, how)

    async def ask_why(click: Click) -> None:
        restore = await service.check_may_deny(click.restore_id, click.user)
        await request_modal.open_modal(
            client, click.trigger_id, request_modal.denial_modal(restore), "Click Deny again."
        )

    return {
        cards.APPROVE: lambda click: service.approve(click.restore_id, click.user),
        cards.DENY: ask_why,
        cards.WITHDRAW: lambda click: service.withdraw(click.restore_id, click.user),
        cards.AGAIN: lambda click: command.again(click.restore_id, click.user, click.trigger_id),
        archive_form.CHOOSE_KIND: lambda click: command.rechosen(click.view),
        archive_form.CHOOSE_MODULE: lambda click: command.rechosen(click.view),
        cards.STOP: lambda click: service.stop(click.restore_id, click.user),
        cards.SETTLE_RUNNING: settle(Settlement.RUNNING),
        cards.SETTLE_FINISHED: settle(Settlement.FINISHED),
        cards.SETTLE_NOT_STARTED: settle(Settlement.NOT_STARTED),
    }


def describe_too_late(restore: Restore) -> str:
    """For somebody whose click came too late: how the restore stands, and who made it so."""
    return f"{describe(restore)} Your click changed nothing."


def describe(restore: Restore) -> str:
    """How the restore stands, and who made it so, in a sentence."""
    by = mention(restore.decided_by) if restore.decided_by else "restorebot"
    at = f" {date(restore.ended_at)}" if restore.ended_at else ""
    approved = f"This restore has been approved by {mentions(restore.voters)}"
    if restore.break_glass:
        approved = f"This restore was started by {mention(restore.requester)} alone (break-glass)"
    start = (
        date(restore.starts_at) if restore.starts_at else "as soon as its last checks have passed"
    )
    return {
        State.REQUESTED: "This restore still waits for approval.",
        State.APPROVED: f"{approved}; it starts {start}.",
        State.BACKING_UP: f"{approved}; its safety backup is being made.",
        State.STARTING: f"{approved} and is being started.",
        State.RESTORING: f"{approved} and is running.",
        State.UNKNOWN: f"{approved}, and its outcome is not known.",
        State.COMPLETED: f"{approved} and has completed{at}.",
        State.FAILED: f"{approved} and has failed{at}.",
        State.CLOSED: f"This restore was closed by {by}{at}.",
        State.DENIED: f"This restore was denied by {by}{at}.",
        State.WITHDRAWN: f"This restore was withdrawn by {by}{at}.",
        State.STOPPED: f"This restore was stopped by {by}{at}.",
        State.EXPIRED: f"This restore expired{at}. Ask again with `/restore`.",
        State.VOID: f"This restore became void{at}. Ask again with `/restore`.",
    }.get(restore.state, f"This restore is {restore.state}.")
