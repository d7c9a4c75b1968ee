"""A local Slack workspace: the parts of Slack that the bot uses, with a control interface.

    python -m restorebot.sandbox.workspace --port 8065 --manifest manifest.yml

The bot speaks to it as to Slack (``SLACK_API_URL=http://127.0.0.1:8065/api/``): Web API, Socket
Mode or signed HTTP requests, response_urls. Tests and the page play the people through
``/_sandbox/`` (see `control`).
"""

from restorebot.sandbox.workspace.app import Workspace, create_app

__all__ = ["Workspace", "create_app"]
