"""A local ONLYOFFICE DocSpace portal, as far as backup and restore go.

    python -m restorebot.sandbox.portal --port 8066

Its behaviour is docspace-api §1 to §6, §11 and §C to §E. Tests and the page change it through
``/_sandbox/`` (see `control`), and let it fail by the switches and route faults in `switches`.
"""

from restorebot.sandbox.portal.app import create_app
from restorebot.sandbox.portal.simulator import Portal

__all__ = ["Portal", "create_app"]
