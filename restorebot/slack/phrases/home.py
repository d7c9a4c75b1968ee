"""App Home's words."""

from datetime import datetime

from restorebot.model import Restore
from restorebot.slack.mrkdwn import (
    channel_link,
    date,
    escape,
)
from restorebot.subcommands import COMMAND

TITLE = "Restores"
WAITING_FOR_YOU = "Waiting for you"
RUNNING = "Running"
PLANNED = "Planned"
WAITING_FOR_OTHERS = "Waiting for others"
RECENT = "Recent"
NOTHING_FOR_YOU = (
    f"Nothing that you have a part in runs or waits. Ask for a restore with `{COMMAND}` in a "
    "channel that I am in."
)


def group(name: str) -> str:
    """Head a group."""
    return f"*{name}*"


def more_open(count: int) -> str:
    """Say how many are not shown."""
    return f"{count} more are open: `{COMMAND} status` in their channels shows them."


def as_of(now: datetime) -> str:
    """Say how fresh the tab is."""
    return f"As of {date(now)}. Open this tab again to see it afresh."


def channel_and_reason(restore: Restore) -> str:
    """Say where and why it was asked for."""
    return f"in {channel_link(restore.channel)}: {escape(restore.reason, 300)}"
