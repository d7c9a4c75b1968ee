"""``python -m restorebot``: the command line."""

from restorebot.cli.main import main

main()
