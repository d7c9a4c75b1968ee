"""The words that people read in Slack, each once."""

from collections.abc import Iterable

from restorebot.errors import RestorebotError
from restorebot.model import PortalName
from restorebot.restores.portals import PortalNotNamed, UnknownPortal, WrongChannel
from restorebot.restores.service import RestoreGone


def explain(error: RestorebotError) -> str:
    """Say why something is not done, and what to do, in mrkdwn."""
    match error:
        case WrongChannel():
            return wrong_channel(error.channels, error.portal)
        case PortalNotNamed():
            return portal_not_named(error.names)
        case UnknownPortal():
            return unknown_portal(error.near, error.names)
        case RestoreGone():
            return f"{error} Ask again with /restore."
        case _:
            return str(error)


def wrong_channel(channels: Iterable[str], portal: PortalName | None) -> str:
    """Say where restores are asked for."""
    places = ", ".join(f"<#{channel}>" for channel in channels) or "a channel of no portal"
    if portal is None:
        return f"Restores are not asked for in this channel. Use {places}."
    return f"Restores of `{portal}` are not asked for in this channel. Use {places}."


def portal_not_named(names: Iterable[PortalName]) -> str:
    """Say that there are several portals."""
    return (
        "Say which portal: type the same again with its name at the end. "
        f"Here you can name {_names(names)}."
    )


def unknown_portal(near: Iterable[PortalName], names: Iterable[PortalName]) -> str:
    """Say that no portal has the name that was typed."""
    meant = next(iter(near), None)
    if meant is not None:
        return f"There is no portal of that name. Did you mean `{meant}`?"
    return f"There is no portal of that name. Here you can name {_names(names)}."


def _names(names: Iterable[PortalName]) -> str:
    return ", ".join(f"`{name}`" for name in names)
