"""What a portal's users are told in their own channels."""

from restorebot.docspace.models import ACTIVE
from restorebot.model import Restore
from restorebot.slack.mrkdwn import (
    code,
    date,
    escape,
)
from restorebot.slack.phrases.restore import starts


def _data_of(restore: Restore, verb: str) -> str:
    made_on = restore.source.created_on
    if made_on is None:
        return ""
    return f"Its data {verb} that of {date(made_on)}. "


def planned(restore: Restore) -> str:
    """Tell a portal's users that it is going to be replaced."""
    return (
        f":calendar: *{code(restore.portal)} is going to be put back to its state of an earlier "
        f"day, {starts(restore)}.*\n"
        f"{_data_of(restore, 'will be')}What was added or changed since then is lost; keep a copy "
        "of what you need. You will be logged out, the portal will be closed until it is done, and "
        "you will need a new password."
    )


def started(restore: Restore) -> str:
    """Tell a portal's users that it is being replaced."""
    return (
        f":lock: *{code(restore.portal)} is being put back to its state of an earlier day, from "
        "now on.*\n"
        f"{_data_of(restore, 'will be')}Please do not work in it: what you do now is lost. You "
        "will be logged out; this channel is told when it is over."
    )


def completed(restore: Restore) -> str:
    """Tell a portal's users that they can work in it again."""
    mail = 'Use "Forgot password?" on its page'
    if restore.notify:
        mail = "A mail with a link is on its way to you"
    return (
        f":white_check_mark: *{code(restore.portal)} is open again.* {_data_of(restore, 'is')}\n"
        f"Old passwords no longer work. {mail} to set a new one: {escape(restore.portal_url)}. "
        "Two-factor sign-in has to be set up again."
    )


def closed(restore: Restore) -> str:
    """Tell a portal's users of an end that nobody knows more of."""
    return (
        f":grey_question: *The restore of {code(restore.portal)} is over.* If you cannot log in, "
        "set a new password."
    )


def called_off(restore: Restore) -> str:
    """Tell a portal's users that what was announced does not come."""
    planned = ""
    if restore.starts_at:
        planned = f" that was planned for {date(restore.starts_at)}"
    portal = code(restore.portal)
    return f":negative_squared_cross_mark: *The restore of {portal}{planned} does not happen.*"


def failed(restore: Restore) -> str:
    """Tell a portal's users that it has its old data."""
    closed = " It may stay closed for a while; administrators have been told."
    if restore.tenant_status == ACTIVE:
        closed = ""
    return (
        f":x: *{code(restore.portal)} could not be put back, and has its data of before.*{closed}"
    )
