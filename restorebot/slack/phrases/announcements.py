"""What a portal's users are told in their own channels."""

from restorebot.docspace.models import ACTIVE
from restorebot.model import Restore
from restorebot.slack.mrkdwn import (
    code,
    date,
    escape,
)
from restorebot.slack.phrases.restore import starts


def _data_of(restore: Restore, verb: str) -> list[str]:
    """Say how old its data is, or is going to be; nothing where nobody tells of the archive."""
    made_on = restore.source.created_on
    if made_on is None:
        return []
    return [f"Its data {verb} that of {date(made_on)}."]


def planned(restore: Restore) -> str:
    """Tell a portal's users that it is going to be replaced."""
    headline = (
        f":calendar: *{code(restore.portal)} is going to be put back to its state of an earlier "
        f"day, {starts(restore)}.*"
    )
    consequences = (
        "What was added or changed since then is lost; keep a copy of what you need. You will be "
        "logged out, the portal will be closed until it is done, and you will need a new password."
    )
    sentences = [*_data_of(restore, "will be"), consequences]
    return f"{headline}\n{' '.join(sentences)}"


def started(restore: Restore) -> str:
    """Tell a portal's users that it is being replaced."""
    headline = (
        f":lock: *{code(restore.portal)} is being put back to its state of an earlier day, from "
        "now on.*"
    )
    consequences = (
        "Please do not work in it: what you do now is lost. You will be logged out; this channel "
        "is told when it is over."
    )
    sentences = [*_data_of(restore, "will be"), consequences]
    return f"{headline}\n{' '.join(sentences)}"


def completed(restore: Restore) -> str:
    """Tell a portal's users that they can work in it again."""
    forgot, mailed = 'Use "Forgot password?" on its page', "A mail with a link is on its way to you"
    link = mailed if restore.notify else forgot
    is_open = f":white_check_mark: *{code(restore.portal)} is open again.*"
    sentences = [is_open, *_data_of(restore, "is")]
    return (
        f"{' '.join(sentences)}\n"
        f"Old passwords no longer work. {link} to set a new one: {escape(restore.portal_url)}. "
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
    what = f"The restore of {code(restore.portal)}"
    if restore.starts_at:
        what = f"{what} that was planned for {date(restore.starts_at)}"
    return f":negative_squared_cross_mark: *{what} does not happen.*"


def failed(restore: Restore) -> str:
    """Tell a portal's users that it has its old data."""
    sentence = f":x: *{code(restore.portal)} could not be put back, and has its data of before.*"
    if restore.tenant_status == ACTIVE:
        return sentence
    return f"{sentence} It may stay closed for a while; administrators have been told."
