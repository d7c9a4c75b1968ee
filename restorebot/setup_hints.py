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

SOCKET_DISCONNECTED = "Socket Mode is not connected."
NOT_GREETED = "Slack has not been reached yet."
FOREIGN_CONNECTIONS = (
    "Another program uses this app's tokens: commands and clicks go to it too. Stop it, or give it "
    "an app of its own."
)

BAD_CERTIFICATE = "Slack's certificate is not trusted; SSL_CERT_FILE can name another CA"
PROXY_FAILED = "the proxy in HTTPS_PROXY does not let us through"
NAME_UNKNOWN = "the name is not known to DNS"
CONNECTION_REFUSED = "the connection is refused"
ENDED_AT_ONCE = "the last connection was ended soon after it was opened"
NO_ANSWER_IN_TIME = "there is no answer in time"


def websocket_refused(status: int) -> str:
    """Say that the Web API answers, but the WebSocket is not let through."""
    return f"the WebSocket is refused ({status}); does a proxy or firewall stop it?"


def answered_with(word: str | int) -> str:
    """Say what Slack, or something in front of it, answered."""
    return f"the answer is {word}"


def bot_refused(code: str) -> str:
    """Say that Slack refuses the bot's token, with Slack's word for why."""
    return f"Slack refuses the bot's token ({code}): the app may have been removed."


def app_refused(code: str) -> str:
    """Say that Slack refuses the app-level token, with Slack's word for why."""
    return f"Slack refuses the app-level token ({code})."
