"""What may follow `/restore`, and what somebody meant who typed something else."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from restorebot.errors import Refused
from restorebot.slack.mrkdwn import code

EMPTY_GUID = "00000000-0000-0000-0000-000000000000"
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
EXAMPLE_ID = "3c0f8f0a-7a6b-4f2e-9a51-0d7a4a1f6b11"

DRY_RUN = {"--dry-run", "—dry-run", "–dry-run"}  # noqa: RUF001 - some keyboards make a dash of two hyphens

USAGE = (
    "*`/restore <backupId>`* asks to restore the DocSpace portal from one of its backups.\n"
    f"Example: `/restore {EXAMPLE_ID}`\n"
    "• `/restore` alone lets you choose a backup.\n"
    "• `/restore list` shows all backups with their ids.\n"
    "• `/restore <backupId> --dry-run` makes every check and starts nothing.\n"
    "• `/restore status` shows what is open and running, `/restore history` how the last restores "
    "ended.\n"
    "Where there are several portals, the portal's name comes last.\n"
    "You say why, an approver says yes, and the thread tells how it goes. Nothing starts before "
    "the approver's yes."
)


class Subcommand(StrEnum):
    """What a command asks for."""

    PICK = ""
    RESTORE = "restore"
    LIST = "list"
    STATUS = "status"
    HISTORY = "history"
    HELP = "help"


SUBCOMMANDS = (Subcommand.LIST, Subcommand.STATUS, Subcommand.HISTORY, Subcommand.HELP)


@dataclass(frozen=True)
class ParsedCommand:
    """A command understood. ``portal`` is a name as typed, empty when none was."""

    word: Subcommand
    backup_id: str | None = None
    portal: str | None = None
    dry_run: bool = False


def parse_command(text: str, portals: Sequence[str]) -> ParsedCommand:
    """What was typed after `/restore`; ``portals`` are the names there are. Raises Refused."""
    words = text.split()
    dry_run = any(word.lower() in DRY_RUN for word in words)
    words = [word for word in words if word.lower() not in DRY_RUN]
    if any(word.lower().lstrip("-—–") == "dump" for word in words):  # noqa: RUF001 - as above
        raise Refused(
            "A whole instance (dump) is not restored from here: it would replace every portal of "
            "the instance, and "
            "reset its license."
        )
    first, rest = (words[0], words[1:]) if words else ("", [])
    if not first and dry_run:
        raise Refused("A dry run needs a backup's id: `/restore <backupId> --dry-run`.")
    if first.lower() in SUBCOMMANDS and (
        len(rest) > 1 or any(GUID.fullmatch(word) for word in rest)
    ):
        raise Refused(f"`/restore {first.lower()}` takes nothing but a portal's name.\n{USAGE}")
    if len(rest) > 1 or any(GUID.fullmatch(word) for word in rest):
        raise Refused(
            "Type one backup id, and after it one portal's name if there are several, as in "
            f"`/restore {EXAMPLE_ID}`; "
            "`/restore help` shows what else may be typed."
        )
    portal = rest[0] if rest else None
    if first.lower() in SUBCOMMANDS:
        return ParsedCommand(Subcommand(first.lower()), portal=portal)
    if not first:
        return ParsedCommand(Subcommand.PICK)
    if GUID.fullmatch(first) and first != EMPTY_GUID:
        return ParsedCommand(Subcommand.RESTORE, first.lower(), portal, dry_run)
    if first.lower() in portals and not rest:
        return ParsedCommand(Subcommand.PICK, portal=first)
    raise Refused(_misunderstood(first, portals))


def _misunderstood(first: str, portals: Sequence[str]) -> str:
    near = difflib.get_close_matches(first.lower(), [*SUBCOMMANDS, *portals], n=1, cutoff=0.7)
    if near:
        return (
            f"{code(first)} is no backup id and no word that I know. Did you mean `/restore "
            f"{near[0]}`?\n{USAGE}"
        )
    return f"{code(first)} is not a backup id; `/restore list` shows those there are.\n{USAGE}"
