"""The command line.

Everything heavy is imported by the command that needs it, so that ``--help`` is quick.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

import restorebot
from restorebot.errors import RestorebotError, SettingsError

if TYPE_CHECKING:
    from restorebot.settings import Settings

T = TypeVar("T")

STORIES = (
    "happy",
    "denied",
    "failed",
    "restart",
    "quorum",
    "break-glass",
    "void",
    "safety-backup",
    "planned",
    "dead-key",
)

CANNOT_START = "restorebot cannot start. Mend these settings (README, Settings):"


def cannot_run(error: RestorebotError) -> str:
    """Say why the bot does not run, or runs no longer."""
    return f"restorebot cannot run. {error}"


def no_story(name: str) -> str:
    """Say that there is no such story, and which there are."""
    return f"There is no story {name!r}. Choose one of: {', '.join(STORIES)}."


def key_question(portal: str) -> str:
    """Ask for a portal's API key."""
    return f"API key for {portal}"


app = typer.Typer(
    help="Restore an ONLYOFFICE DocSpace portal from Slack: asked for by one person, approved by "
    "another, started once, watched to the end.",
    no_args_is_help=True,
    add_completion=False,
    # A pretty traceback would print local variables, and with them secrets.
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


audit_app = typer.Typer(
    help="The audit trail: who did what to which restore. No command edits or deletes a row.",
    no_args_is_help=True,
)
app.add_typer(audit_app, name="audit")
key_app = typer.Typer(help="The portals' API keys, stored encrypted.", no_args_is_help=True)
app.add_typer(key_app, name="key")


def main() -> None:
    """Run the command line."""
    app()


@app.callback(invoke_without_command=True)
def about(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)
    ] = False,
) -> None:
    """Print the version, where that is asked for; the commands do the rest."""
    if version:
        typer.echo(f"restorebot {restorebot.__version__}")
        raise typer.Exit


@app.command()
def run() -> None:
    """Run the bot: Socket Mode with SLACK_APP_TOKEN, else HTTP on PORT.

    SIGTERM or Ctrl-C stops it.
    """
    from restorebot import settings

    try:
        found = settings.load()
        from restorebot import run as bot

        asyncio.run(bot.run(found))
    except SettingsError as error:
        typer.echo(CANNOT_START, err=True)
        for problem in error.problems:
            typer.echo(f"  {problem}", err=True)
        raise typer.Exit(2) from None
    except RestorebotError as error:
        typer.echo(cannot_run(error), err=True)
        raise typer.Exit(1) from None


@app.command()
def demo(
    script: Annotated[
        str | None,
        typer.Option("--script", metavar="NAME", help=f"The story to play: {', '.join(STORIES)}."),
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0.1, max=50, help="How fast the story's portal works.")
    ] = 2.0,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where the page is; 0 takes a free port.")
    ] = 8040,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = True,
) -> None:
    """Try it in a browser: a local Slack, a local portal, the real bot.

    It needs no account and leaves nothing behind. With --script, one story is played in the
    terminal instead.
    """
    if script is None:
        from restorebot.sandbox.page import demo as page

        raise typer.Exit(asyncio.run(page.play(port, browser=browser)))
    if script not in STORIES:
        typer.echo(no_story(script), err=True)
        raise typer.Exit(2)
    from restorebot.sandbox import stories

    raise typer.Exit(asyncio.run(stories.play(script, speed)))


@app.command()
def history(
    count: Annotated[
        int, typer.Option("--count", min=1, max=1000, help="How many, newest first.")
    ] = 20,
) -> None:
    """Print how the last restores ended. The bot may be running meanwhile."""
    from restorebot.cli import history as ended

    url = _database_url()
    ended.print_history(_run_async(ended.last_ended(url, count)))


@key_app.command("generate")
def key_generate() -> None:
    """Print a new encryption key, for RESTOREBOT_ENCRYPTION_KEY."""
    from restorebot.storage import keys

    typer.echo(keys.generate_encryption_key())


PortalArgument = Annotated[
    str | None, typer.Argument(metavar="PORTAL", help="The portal's name, if there are several.")
]


@key_app.command("set")
def key_set(portal: PortalArgument = None) -> None:
    """Read an API key without showing it, try it at the portal and store it encrypted.

    A running bot uses it from its next call on. From a pipe, the key is read from standard input.
    """
    from restorebot.cli import keys

    settings = _settings()
    _or_exit(lambda: keys.encryption_key(settings))
    name = _or_exit(lambda: keys.select_portal(settings, portal or None)).name
    typer.echo(_run_async(keys.store_key(settings, name, _read_secret(key_question(name)))))


def _read_secret(question: str) -> str | None:
    """Return what is typed unseen, or what comes from a pipe; None where there is neither."""
    if sys.stdin is None:
        return None
    try:
        if sys.stdin.isatty():
            return str(typer.prompt(question, hide_input=True))
        return sys.stdin.read()
    except UnicodeDecodeError:
        return None


@key_app.command("list")
def key_list() -> None:
    """Show each portal's key, by its last four characters.

    Beside it stands what the portal says of the key.
    """
    from restorebot.cli import keys

    keys.print_keys(_run_async(keys.list_keys(_settings())))


@key_app.command("remove")
def key_remove(portal: PortalArgument = None) -> None:
    """Forget a stored key; the one in the settings, if there is one, is used again."""
    from restorebot.cli import keys

    typer.echo(_run_async(keys.remove_key(_settings(), portal or None)))


@audit_app.command()
def verify(
    witness: Annotated[
        str | None,
        typer.Option(help="The hash that a closing post in Slack shows.", metavar="HASH"),
    ] = None,
) -> None:
    """Look whether the audit trail is whole.

    Exits with 1 and names the first row that does not fit if it is not.
    """
    from restorebot.cli import audit

    wanted = witness.lower() if witness else None
    if wanted is not None and not audit.WITNESS.fullmatch(wanted):
        typer.echo(audit.NO_WITNESS, err=True)
        raise typer.Exit(2)
    fits, sentence = _run_async(audit.verify(_database_url(), wanted))
    typer.echo(sentence)
    if not fits:
        raise typer.Exit(1)


@audit_app.command()
def export(
    # The option's name.
    format: Annotated[str, typer.Option(help="jsonl or csv.")] = "jsonl",  # noqa: A002
    since: Annotated[
        str | None,
        typer.Option(help="The first day or moment, as 2026-01-31 or 2026-01-31T12:00, UTC."),
    ] = None,
    portal: Annotated[
        str | None,
        typer.Option(metavar="ALIAS", help="Only this portal, by its alias in DocSpace."),
    ] = None,
) -> None:
    """Write the audit trail to standard output, oldest first."""
    from restorebot.cli import audit

    if format not in {"jsonl", "csv"}:
        typer.echo(audit.no_format(format), err=True)
        raise typer.Exit(2)
    begin = _moment(since) if since else None
    _run_async(audit.export(_database_url(), sys.stdout, format, begin, portal or None))


def _moment(text: str) -> datetime:
    """Parse a day or a moment, which is UTC where it has no zone; or say so and exit."""
    from restorebot.cli import audit

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        typer.echo(audit.no_day(text), err=True)
        raise typer.Exit(2) from None
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment


def _database_url() -> str:
    from restorebot import settings

    return _or_exit(settings.database_url)


def _settings() -> "Settings":
    from restorebot import settings

    return _or_exit(settings.load)


def _run_async(work: Coroutine[Any, Any, T]) -> T:
    return _or_exit(lambda: asyncio.run(work))


def _or_exit(work: Callable[[], T]) -> T:
    """Do it, or say in a sentence why not and exit.

    With 2 when the settings have to be mended, else with 1.
    """
    try:
        return work()
    except SettingsError as error:
        typer.echo("\n".join(error.problems), err=True)
        raise typer.Exit(2) from None
    except RestorebotError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@app.command()
def manifest() -> None:
    """Print the Slack app manifest, to create the app from."""
    package = Path(__file__).parent.parent
    packaged = package / "manifest.yml"
    if not packaged.exists():
        packaged = package.parent / "manifest.yml"
    typer.echo(packaged.read_text(encoding="utf-8"), nl=False)
