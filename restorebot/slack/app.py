"""Every listener there is, registered in one place.

A listener parses, acks and hands its work to a supervised task; nothing escapes it.
"""

import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from restorebot.errors import PortalError, Refusal, Refused, RestorebotError, StorageError
from restorebot.restores.service import AlreadyDecided, Service
from restorebot.slack import phrases, picker, request_modal
from restorebot.slack.actions import Click, action_handlers, describe, describe_too_late
from restorebot.slack.answers import respond
from restorebot.slack.archive_form import KIND
from restorebot.slack.commands import BACK, Command, RestoreCommand
from restorebot.slack.home import Home
from restorebot.slack.mrkdwn import escape
from restorebot.tasks import Tasks

COMMAND = "/restore"
OTHER_WORKSPACE = "restorebot answers only members of the workspace that it is installed in."
INTERNAL_ERROR = "Something went wrong inside restorebot; its log says what."
UNKNOWN_BUTTON = "This button is from another version of restorebot and does nothing any more."

log = structlog.get_logger()


def build(
    client: AsyncWebClient,
    command: RestoreCommand,
    service: Service,
    tasks: Tasks,
    *,
    team: str,
    signing_secret: str | None,
    clock: Callable[[], datetime],
    home: Home,
) -> AsyncApp:
    """The Bolt app with all its listeners. ``team`` is the bot's own workspace id."""
    # Acks leave when the listener returns, at once; Bolt's own dispatcher polls for them and loses
    # some.
    app = AsyncApp(client=client, signing_secret=signing_secret, process_before_response=True)
    buttons = action_handlers(service, command, client)

    @app.middleware
    async def only_our_workspace(
        body: dict[str, Any],
        ack: AsyncAck,
        next: Callable[[], Awaitable[None]],  # noqa: A002 - Bolt's name
    ) -> BoltResponse | None:
        if _teams(body) <= {team}:
            await next()
            return None
        log.warning("other_workspace_refused", teams=sorted(_teams(body) - {team}))
        tasks.spawn(respond(body.get("response_url", ""), OTHER_WORKSPACE), name="refusal")
        # Returned, or Bolt answers that nobody was there to listen.
        return await ack()

    @app.command(COMMAND)
    async def restore(ack: AsyncAck, body: dict[str, Any]) -> None:
        parsed = Command.parse(body)
        await ack()
        tasks.spawn(
            _answered(partial(respond, parsed.response_url), command.run(parsed)), name="command"
        )

    @app.view(request_modal.REQUEST)
    async def asked(ack: AsyncAck, body: dict[str, Any]) -> None:
        # All windows go, the picker underneath too.
        await ack(
            **await _submitted(_request(service, body, clock())) or {"response_action": "clear"}
        )
        tasks.spawn(home.refresh(body["user"]["id"]), name="home")

    @app.view(picker.PICK)
    async def picked(ack: AsyncAck, body: dict[str, Any]) -> None:
        view, user = body["view"], body["user"]["id"]
        answered, work = _picked(command, view, user)
        await ack(**answered)
        if work:
            tasks.spawn(_answered(command.teller(view, user), work), name="picked")

    @app.view(request_modal.DENIAL)
    async def denied(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack(**await _submitted(_deny(service, body)))
        tasks.spawn(home.refresh(body["user"]["id"]), name="home")

    @app.action(re.compile(".*"))
    async def clicked(ack: AsyncAck, body: dict[str, Any]) -> None:
        click = Click.parse(body)
        await ack()
        handler = buttons.get(click.action)
        work = handler(click) if handler else _refuse(UNKNOWN_BUTTON)
        if click.in_home:
            told = _answered_in_home(home, click, work)
        elif click.view:
            told = _answered(command.teller(click.view, click.user), work)
        else:
            told = _answered(partial(respond, click.response_url), work)
        tasks.spawn(told, name=click.action)

    @app.event("app_home_opened")
    async def home_opened(event: dict[str, Any]) -> None:
        if event.get("tab") == "home":
            tasks.spawn(home.show(event["user"]), name="home")

    return app


async def _request(service: Service, body: Mapping[str, Any], now: datetime) -> None:
    draft = request_modal.parse_submission(body["view"], body["user"]["id"], now)
    await service.request(draft)


def _picked(
    command: RestoreCommand, view: Mapping[str, Any], user: str
) -> tuple[dict[str, Any], Coroutine[Any, Any, None] | None]:
    """What the picker's ack carries, and what is to be done after it."""
    try:
        choice = picker.parse_submission(view, user)
    except picker.StaleFields as error:
        return _errors(error.errors), command.rechosen(view)
    except request_modal.FieldErrors as error:
        return _errors(error.errors), None
    except Exception:
        log.exception("submit_failed")
        return _errors({KIND: f"Nothing was asked. {INTERNAL_ERROR}"}), None
    loading = request_modal.loading_modal(external_id=choice.facts_id, close=BACK)
    return {"response_action": "push", "view": loading}, command.picked(choice)


async def _deny(service: Service, body: Mapping[str, Any]) -> None:
    restore_id, reason = request_modal.parse_denial(body["view"])
    await service.deny(restore_id, body["user"]["id"], reason)


async def _submitted(commit: Awaitable[None]) -> dict[str, Any]:
    """Commit what a modal asks for.

    Returns what the ack carries: nothing, or errors under the fields, so that no typed word is
    lost.
    """
    try:
        await commit
    except request_modal.FieldErrors as error:
        return _errors(error.errors)
    except StorageError as error:
        log.exception("request_save_failed")
        return _errors(
            {
                request_modal.REASON: (
                    f"Nothing was saved or posted. {error} Tell whoever runs restorebot."
                )
            }
        )
    except RestorebotError as error:
        return _errors({request_modal.REASON: phrases.explain(error)})
    except Exception:
        log.exception("submit_failed")
        return _errors({request_modal.REASON: f"Nothing was posted. {INTERNAL_ERROR}"})
    return {}


def _errors(errors: Mapping[str, str]) -> dict[str, Any]:
    return {
        "response_action": "errors",
        "errors": {block: sentence[:2000] for block, sentence in errors.items()},
    }


async def _answered(tell: Callable[[str], Awaitable[None]], work: Awaitable[Any]) -> None:
    """Do the work; whatever keeps it from being done is told to the person."""
    _, sentence = await _done(work)
    if sentence:
        await tell(sentence)


async def _answered_in_home(home: Home, click: Click, work: Awaitable[Any]) -> None:
    """The same for a click in App Home, where nobody sees a card change: what was done is told
    too.
    """
    restore, sentence = await _done(work)
    home.mark_opened(click.user)
    if restore or sentence:
        await home.tell(click.user, click.trigger_id, sentence or f"Done. {describe(restore)}")


async def _done(work: Awaitable[Any]) -> tuple[Any, str]:
    """Do the work; returns its result, or what keeps it from being done as a sentence for the
    person.
    """
    try:
        return await work, ""
    except AlreadyDecided as error:
        return None, describe_too_late(error.restore)
    except Refusal as error:
        return None, phrases.explain(error)
    except (PortalError, StorageError) as error:
        log.warning("action_refused", why=str(error))
        return None, f"Nothing was done. {escape(str(error), 600)}"
    except RestorebotError as error:
        return None, str(error)
    except Exception:
        log.exception("action_failed")
        return None, f"{INTERNAL_ERROR} Look at the card before you try again."


async def _refuse(sentence: str) -> None:
    raise Refused(sentence)


def _teams(body: Mapping[str, Any]) -> set[str]:
    """Every workspace that a payload speaks for: where it happened, and the person's own."""
    user = body.get("user")
    own = user.get("team_id") if isinstance(user, dict) else None
    place = body.get("team_id") or (body.get("team") or {}).get("id")
    return {team for team in (place, own) if team}
