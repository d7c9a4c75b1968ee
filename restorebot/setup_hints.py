"""What whoever runs the bot is told: where a portal's key belongs, and that Slack is away."""

from restorebot.docspace.sentences import SetupHints

REPLACE_KEY = (
    "Put it where the old one is: store it with restorebot key set, or write it into the settings "
    "and start restorebot again."
)

SETUP_HINTS = SetupHints(
    address="DOCSPACE_URL",
    store_key="Store one with restorebot key set.",
    replace_key=REPLACE_KEY,
)

SLACK_UNREACHABLE = "Slack could not be reached at SLACK_API_URL; is the network there?"
SOCKET_UNREACHABLE = "Slack's Socket Mode could not be reached."
SOCKET_DISCONNECTED = "Socket Mode is not connected."
