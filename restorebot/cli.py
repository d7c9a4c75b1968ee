"""The command line. Everything heavy is imported by the command that needs it, so that ``--help`` is quick."""

import asyncio
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer

from restorebot.errors import RestorebotError, SettingsError

STORIES = {
    "happy": "asked for, approved by another person, restored, told",
    "denied": "an approver says no",
    "failed": "the archive is broken",
    "restart": "the bot is killed in the middle and started again",
}

app = typer.Typer(
    help="Restore an ONLYOFFICE DocSpace portal from Slack: asked for by one person, approved by another, "
    "started once, watched to the end.",
    no_args_is_help=True,
    add_completion=False,
    # A pretty traceback would print local variables, and with them secrets.
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """The entry point."""
    app()


@app.callback(invoke_without_command=True)
def about(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"restorebot {installed_version('restorebot')}")
        raise typer.Exit


@app.command()
def run() -> None:
    """Run the bot: Socket Mode with SLACK_APP_TOKEN, else HTTP on PORT. SIGTERM or Ctrl-C stops it."""
    from restorebot import settings

    try:
        found = settings.load()
        from restorebot import app as service

        asyncio.run(service.run(found))
    except SettingsError as error:
        typer.echo("restorebot cannot start. Mend these settings (README, Settings):", err=True)
        for problem in error.problems:
            typer.echo(f"  {problem}", err=True)
        raise typer.Exit(2) from None
    except RestorebotError as error:
        typer.echo(f"restorebot cannot run. {error}", err=True)
        raise typer.Exit(1) from None


@app.command()
def demo(
    script: Annotated[
        str | None, typer.Option("--script", metavar="NAME", help=f"The story to play: {', '.join(STORIES)}.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where the page is; 0 takes a free port.")] = 8040,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
) -> None:
    """Try the whole thing in a browser: a local Slack, a local portal, the real bot. No account, nothing left behind.

    With --script, play one story in the terminal instead.
    """
    if script is None:
        from restorebot.sandbox.page import demo as page

        raise typer.Exit(asyncio.run(page.play(port, browser=browser)))
    if script not in STORIES:
        typer.echo(f"There is no story {script!r}. Choose one of: {', '.join(STORIES)}.", err=True)
        raise typer.Exit(2)
    from restorebot.sandbox import stories

    raise typer.Exit(asyncio.run(stories.play(script)))


@app.command()
def manifest() -> None:
    """Print the Slack app manifest, to create the app from."""
    here = Path(__file__).parent
    packaged = here / "manifest.yml"
    path = packaged if packaged.exists() else here.parent / "manifest.yml"
    typer.echo(path.read_text(encoding="utf-8"), nl=False)


if __name__ == "__main__":
    main()
