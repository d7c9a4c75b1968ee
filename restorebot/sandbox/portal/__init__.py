"""A local ONLYOFFICE DocSpace portal, as far as backup and restore go: ``python -m
restorebot.sandbox.portal``.

Its behaviour is the fact sheet's §1 to §6, §11 and §C to §E. Beside the API there is a control
interface:

====== =================================
==================================================================== method path under
``/_sandbox/``         what it does ====== =================================
==================================================================== GET    ``state``
everything there is to know, as JSON POST   ``advance`` ``{"seconds": n}``    let time pass POST
``speed`` ``{"speed": x}``        seconds of the portal per real second PATCH  ``faults`` ``{name:
value}``      set switches of ``state.SWITCHES``; ``on`` puts one on a route DELETE ``faults``
all switches and route faults off GET    ``requests``                      every API request:
method, path, query, headers, body, status POST   ``backups`` ``{...record}``       add or replace a
backup of the history DELETE ``backups/{id}``                  remove one PATCH  ``keys`` ``{member:
value}``      change the first key: permissions, expires_at, is_active, admin POST
``someone-else-starts``           another person starts a restore now POST   ``yesterday``
``{"dump": b}``     a finished task is still on show ====== =================================
====================================================================

A route fault is ``{"on": "startrestore", "fault": name, "times": k, "type": text, "seconds": s}``,
with a name of ``faults.ROUTE_FAULTS``.
"""

from restorebot.sandbox.portal.app import create_app
from restorebot.sandbox.portal.simulator import Portal

__all__ = ["Portal", "create_app"]
