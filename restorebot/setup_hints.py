"""What whoever runs the bot is told: where a portal's key belongs, and what Slack refuses."""

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


def bot_token_refused(code: str) -> str:
    """Say that Slack refuses the bot's token, with its error code, and where to get another."""
    return (
        f"SLACK_BOT_TOKEN: Slack refuses it ({code}); "
        "copy the Bot User OAuth Token of the installed app"
    )


def app_token_refused(code: str) -> str:
    """Say that Slack refuses the app-level token, with its error code, and where to make one."""
    return (
        f"SLACK_APP_TOKEN: Slack refuses it ({code}); "
        "make one with connections:write under Basic Information"
    )
