"""What each listener does: it parses, acks and hands its work to a supervised task.

Nothing escapes a listener.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from restorebot.errors import PortalError, Refusal, Refused, RestorebotError, StorageError
from restorebot.model import Restore
from restorebot.restores.service import AlreadyDecided, Service
from restorebot.slack import picker
from restorebot.slack.actions import Click, action_handlers
from restorebot.slack.archive_form import KIND
from restorebot.slack.client import post_ephemeral, respond
from restorebot.slack.commands import Command, RestoreCommand
from restorebot.slack.denial_modal import parse_denial
from restorebot.slack.forms import InvalidSubmission, StaleFields
from restorebot.slack.home import Home
from restorebot.slack.phrases import answers as words
from restorebot.slack.phrases.restore import describe_done, describe_too_late
from restorebot.slack.request_flow import RequestFlow, facts_window
from restorebot.slack.request_modal import REASON, loading_modal, parse_submission
from restorebot.tasks import Tasks

FIELD_ERROR_SHOWN = 2000
"""Characters of the error under a field (slack §1.5)."""

log = structlog.get_logger()

Tell = Callable[[str], Awaitable[None]]


class Listeners:
    """The listeners, by what Slack delivers."""

    def __init__(
        self,
        client: AsyncWebClient,
        service: Service,
        command: RestoreCommand,
        flow: RequestFlow,
        home: Home,
        tasks: Tasks,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._service = service
        self._command = command
        self._flow = flow
        self._home = home
        self._tasks = tasks
        self._clock = clock
        self._handlers = action_handlers(service, flow, client)

    async def command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Answer `/restore`."""
        parsed = Command.parse(body)
        await ack()
        tell = partial(respond, parsed.response_url)
        self._tasks.spawn(_report(tell, self._command.run(parsed)), name="command")

    async def request_submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Commit a request, or say in the modal why not."""
        errors = await _committed(self._request(body))
        # All modals go, the picker underneath too.
        await ack(**errors or {"response_action": "clear"})
        self._refresh_home(body)

    async def picker_submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Put a modal with the facts on top of the picker."""
        view, user = body["view"], body["user"]["id"]
        answer, work = self._picked(view, user)
        await ack(**answer)
        if work:
            tell = self._tell_about(view, user)
            self._tasks.spawn(_report(tell, work), name="picked")

    async def denial_submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Deny a request, or say in the modal why not."""
        await ack(**await _committed(self._deny(body)))
        self._refresh_home(body)

    async def clicked(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Do what a button says."""
        click = Click.parse(body)
        await ack()
        self._tasks.spawn(self._answer_click(click), name=click.action_id)

    async def home_opened(self, event: dict[str, Any]) -> None:
        """Draw App Home."""
        if event.get("tab") == "home":
            self._tasks.spawn(self._home.show(event["user"]), name="home")

    async def _request(self, body: Mapping[str, Any]) -> None:
        draft = parse_submission(body["view"], body["user"]["id"], self._clock())
        await self._service.request(draft)

    async def _deny(self, body: Mapping[str, Any]) -> None:
        restore_id, reason = parse_denial(body["view"])
        await self._service.deny(restore_id, body["user"]["id"], reason)

    def _picked(
        self, view: Mapping[str, Any], user: str
    ) -> tuple[dict[str, Any], Coroutine[Any, Any, None] | None]:
        """Return what the picker's ack carries, and what is to be done after it."""
        try:
            choice = picker.parse_submission(view, user)
        except StaleFields as error:
            return _errors(error.errors), self._flow.change_kind(view)
        except InvalidSubmission as error:
            return _errors(error.errors), None
        except Exception:
            log.exception("submit_failed")
            return _errors({KIND: words.nothing_asked()}), None
        loading = loading_modal(facts_window(choice))
        return {"response_action": "push", "view": loading}, self._flow.answer_choice(choice)

    def _refresh_home(self, body: Mapping[str, Any]) -> None:
        self._tasks.spawn(self._home.refresh(body["user"]["id"]), name="home")

    def _tell_about(self, view: Mapping[str, Any], user: str) -> Tell:
        """Return how to answer what somebody does in the picker, which has no ``response_url``."""
        channel = picker.PickerState.from_view(view).channel
        return partial(post_ephemeral, self._client, channel, user)

    async def _answer_click(self, click: Click) -> None:
        work = self._act(click)
        if click.in_home:
            await self._report_in_home(click, work)
        elif click.view:
            await _report(self._tell_about(click.view, click.user), work)
        else:
            await _report(partial(respond, click.response_url), work)

    async def _act(self, click: Click) -> Restore | None:
        handler = self._handlers.get(click.action_id)
        if handler is None:
            raise Refused(words.UNKNOWN_BUTTON)
        return await handler(click)

    async def _report_in_home(self, click: Click, work: Awaitable[Restore | None]) -> None:
        """Tell what was done too: nobody sees a card change in App Home."""
        restore, sentence = await _attempt(work)
        self._home.mark_opened(click.user)
        if restore and sentence is None:
            sentence = describe_done(restore)
        if sentence:
            await self._home.notify(click.user, click.trigger_id, sentence)


async def _committed(commit: Awaitable[None]) -> dict[str, Any]:
    """Commit what a modal asks for.

    Return what the ack carries: nothing, or errors under the fields, so that no typed word is lost.
    """
    try:
        await commit
    except InvalidSubmission as error:
        return _errors(error.errors)
    except StorageError as error:
        log.exception("request_save_failed")
        return _errors({REASON: words.nothing_saved(error)})
    except RestorebotError as error:
        return _errors({REASON: words.explain(error)})
    except Exception:
        log.exception("submit_failed")
        return _errors({REASON: words.nothing_posted()})
    return {}


def _errors(errors: Mapping[str, str]) -> dict[str, Any]:
    shown = {block_id: sentence[:FIELD_ERROR_SHOWN] for block_id, sentence in errors.items()}
    return {"response_action": "errors", "errors": shown}


async def _report(tell: Tell, work: Awaitable[Any]) -> None:
    """Do the work; whatever keeps it from being done is told to the person."""
    _, sentence = await _attempt(work)
    if sentence:
        await tell(sentence)


async def _attempt(work: Awaitable[Any]) -> tuple[Any, str | None]:
    """Do the work; return its result, and what kept it from being done as a sentence."""
    try:
        return await work, None
    except AlreadyDecided as error:
        return None, describe_too_late(error.restore)
    except Refusal as error:
        return None, words.explain(error)
    except (PortalError, StorageError) as error:
        log.warning("action_refused", why=str(error))
        return None, words.nothing_done(error)
    except RestorebotError as error:
        return None, words.explain(error)
    except Exception:
        log.exception("action_failed")
        return None, words.failed_inside()
