"""Where this program has a portal's address and key from, for the client's errors to tell."""

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
