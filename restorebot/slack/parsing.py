"""What may follow `/restore`, and what somebody meant who typed something else."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from restorebot.errors import Refused
from restorebot.restores.named import NamedBackup
from restorebot.restores.preflight import BackupRef
from restorebot.slack.phrases import answers as words
from restorebot.subcommands import DUMP, LATEST, Subcommand

EMPTY_GUID = "00000000-0000-0000-0000-000000000000"
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

DASHES = "-—–"  # noqa: RUF001 - some keyboards make a dash of two hyphens
DRY_RUN = {"--dry-run", "—dry-run", "–dry-run"}  # noqa: RUF001 - as above

QUOTES = '"“”„'
"""What people put around a name with spaces."""

LIKENESS = 0.7
"""How alike a word has to be to one that is known, from 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class ParsedCommand:
    """A command as it was typed.

    Without a subcommand, ``backup`` is what is asked for, None for a picker. ``portal`` is a name
    as typed, None when none was.
    """

    subcommand: Subcommand | None = None
    backup: BackupRef | NamedBackup | None = None
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
            raise Refused(words.DRY_RUN_NEEDS_BACKUP)
        return ParsedCommand()
    first = rest.pop(0)
    if first.lower() in list(Subcommand):
        return _subcommand(Subcommand(first.lower()), rest)
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
    backup = parse_backup(first)
    if isinstance(backup, BackupRef) or first.lower() == LATEST:
        if _too_many(rest):
            raise Refused(words.ONE_BACKUP)
        return ParsedCommand(backup=backup, portal=next(iter(rest), None), dry_run=dry_run)
    if any(GUID.fullmatch(word) for word in rest):
        raise Refused(words.ONE_BACKUP)
    if rest:
        return _named([first, *rest], portals, dry_run=dry_run)
    if first.lower() in portals:
        return ParsedCommand(portal=first)
    near = _near(first, portals)
    if near is not None:
        raise Refused(words.did_you_mean(first, near))
    return ParsedCommand(backup=backup, dry_run=dry_run)


def _named(typed: Sequence[str], portals: Sequence[str], *, dry_run: bool) -> ParsedCommand:
    """Take words as a file name with spaces; a portal's name may come last."""
    *name, last = typed
    portal = None
    if last.lower() in portals:
        portal = last
    else:
        name.append(last)
    return ParsedCommand(backup=parse_backup(" ".join(name)), portal=portal, dry_run=dry_run)


def _near(word: str, portals: Sequence[str]) -> str | None:
    """Return the word that was probably meant; None for what begins as file names do."""
    if not word.isalpha():
        return None
    known = [*Subcommand, LATEST, *portals]
    return next(iter(difflib.get_close_matches(word.lower(), known, n=1, cutoff=LIKENESS)), None)


def parse_backup(typed: str) -> BackupRef | NamedBackup:
    """Return what somebody typed for a backup: its id, in small letters, or else its name."""
    if GUID.fullmatch(typed) and typed != EMPTY_GUID:
        return BackupRef(typed.lower())
    return NamedBackup(typed.strip(QUOTES) or typed)
