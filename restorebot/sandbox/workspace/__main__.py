"""``python -m restorebot.sandbox.workspace``: the workspace as a program."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from restorebot.sandbox.serve import serve_program
from restorebot.sandbox.workspace import Workspace, create_app


def main(argv: Sequence[str] | None = None) -> None:
    """Run the workspace as a program; it prints ``{"url": ...}`` once it listens."""
    parser = argparse.ArgumentParser(
        prog="restorebot.sandbox.workspace", description="A local Slack workspace."
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--manifest", type=Path, default=Path("manifest.yml"))
    parser.add_argument("--bot-token", help="xoxb-…; made up when left out")
    parser.add_argument("--app-token", help="xapp-…; made up when left out")
    parser.add_argument("--signing-secret", help="made up when left out")
    given = parser.parse_args(argv)
    workspace = Workspace(
        given.manifest,
        bot_token=given.bot_token,
        app_token=given.app_token,
        signing_secret=given.signing_secret,
    )
    serve_program(create_app(workspace), given.port)


if __name__ == "__main__":
    main()
