"""What may follow `/restore`, and what somebody meant who typed something else."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from restorebot.errors import Refused
from restorebot.slack.phrases import answers as words
from restorebot.subcommands import DUMP, Subcommand

EMPTY_GUID = "00000000-0000-0000-0000-000000000000"
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

DASHES = "-—–"  # noqa: RUF001 - some keyboards make a dash of two hyphens
DRY_RUN = {"--dry-run", "—dry-run", "–dry-run"}  # noqa: RUF001 - as above

LIKENESS = 0.7
"""How alike a word has to be to one that is known, from 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class ParsedCommand:
    """A command as it was typed.

    Without a subcommand, ``backup_id`` is what is asked for, None for a picker. ``portal`` is a
    name as typed, None when none was.
    """

    subcommand: Subcommand | None = None
    backup_id: str | None = None
    portal: str | None = None
    dry_run: bool = False


def parse_command(text: str, portals: Sequence[str]) -> ParsedCommand:
    """Parse what was typed after `/restore`; ``portals`` are the names there are.

    Raise Refused.
    """
    typed = text.split()
    if any(word.lower().lstrip(DASHES) == DUMP for word in typed):
        raise Refused(words.DUMP_REFUSED)
    rest = [word for word in typed if word.lower() not in DRY_RUN]
    dry_run = len(rest) < len(typed)
    if not rest:
        if dry_run:
            raise Refused(words.DRY_RUN_NEEDS_ID)
        return ParsedCommand()
    first = rest.pop(0)
    if first.lower() in list(Subcommand):
        return _subcommand(Subcommand(first.lower()), rest)
    if _too_many(rest):
        raise Refused(words.ONE_BACKUP_ID)
    return _backup(first, rest, portals, dry_run=dry_run)


def _too_many(rest: Sequence[str]) -> bool:
    return len(rest) > 1 or any(GUID.fullmatch(word) for word in rest)


def _subcommand(subcommand: Subcommand, rest: Sequence[str]) -> ParsedCommand:
    if _too_many(rest):
        raise Refused(words.only_a_portal(subcommand))
    return ParsedCommand(subcommand=subcommand, portal=next(iter(rest), None))


def _backup(
    first: str, rest: Sequence[str], portals: Sequence[str], *, dry_run: bool
) -> ParsedCommand:
    if GUID.fullmatch(first) and first != EMPTY_GUID:
        portal = next(iter(rest), None)
        return ParsedCommand(backup_id=first.lower(), portal=portal, dry_run=dry_run)
    if first.lower() in portals and not rest:
        return ParsedCommand(portal=first)
    near = difflib.get_close_matches(first.lower(), [*Subcommand, *portals], n=1, cutoff=LIKENESS)
    if near:
        raise Refused(words.did_you_mean(first, near[0]))
    raise Refused(words.no_backup_id(first))
