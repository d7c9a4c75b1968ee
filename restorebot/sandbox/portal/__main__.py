"""``python -m restorebot.sandbox.portal``: the portal as a program."""

import argparse
from collections.abc import Sequence

from restorebot.sandbox.portal import Portal, create_app
from restorebot.sandbox.portal.profiles import DEFAULT, PROFILES
from restorebot.sandbox.serve import serve_program


def main(argv: Sequence[str] | None = None) -> None:
    """Run the portal as a program; it prints ``{"url": ...}`` once it listens."""
    parser = argparse.ArgumentParser(
        prog="restorebot.sandbox.portal", description="A local DocSpace portal."
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--key", help="the API key, sk-…; made up when left out")
    parser.add_argument(
        "--alias", default="acme", help="localhost on most own servers (default: %(default)s)"
    )
    parser.add_argument(
        "--profile",
        default=DEFAULT,
        help=f"the deployment to behave as: {', '.join(PROFILES)}, or a version "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        help="portal seconds per real second (default: %(default)s)",
    )
    parser.add_argument(
        "--manual", action="store_true", help="time moves only by the control interface"
    )
    given = parser.parse_args(argv)
    portal = Portal(
        key=given.key,
        alias=given.alias,
        profile=given.profile,
        speed=given.speed,
        manual=given.manual,
    )
    serve_program(create_app(portal), given.port)


if __name__ == "__main__":
    main()
