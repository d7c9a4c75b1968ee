"""Every setting, declared once.

The class says whose it is: ``PortalAccess`` is each portal's, ``PortalRules`` are all portals' and
may be one's, and the rest is the bot's. ``model`` puts them together.
"""

from typing import Annotated

from pydantic import BaseModel, SecretStr

from restorebot.docspace.credential import Auth
from restorebot.settings.declaration import setting
from restorebot.settings.types import (
    ApiKey,
    ApproverIds,
    AppToken,
    BaseAddress,
    BotToken,
    Channels,
    DatabaseUrl,
    EncryptionKey,
    PollInterval,
    Port,
    PortalAddress,
    Quorum,
    RequesterIds,
    SafetyBackup,
    Ttl,
    Users,
)

KEY_SOURCE = "from Developer Tools, API keys"
NO_APPROVERS = "without it nobody could approve a restore"

HTTP_PORT = 3000
"""The port unless another is set."""

DOCSPACE_URL = setting(
    variable="DOCSPACE_URL",
    meaning="the portal's own address, without a path",
    example="https://acme.onlyoffice.com",
    unset="required",
)
DOCSPACE_API_KEY = setting(
    variable="DOCSPACE_API_KEY",
    meaning="a key with all permissions, made by the owner or an administrator",
    example="sk-…",
    source=KEY_SOURCE,
    unset="required without `RESTOREBOT_ENCRYPTION_KEY`",
)


class PortalAccess(BaseModel):
    """What each portal has for itself alone."""

    url: Annotated[PortalAddress, DOCSPACE_URL]
    key: Annotated[ApiKey | None, DOCSPACE_API_KEY] = None


class PortalRules(BaseModel):
    """What a portal may have for itself, and else is as for all portals."""

    auth: Auth | None = setting(
        None,
        variable="DOCSPACE_AUTH",
        meaning="`bearer` or `cookie`; `sk-…` goes as `Authorization: Bearer`, anything else as "
        "the cookie `asc_auth_key`",
        example="bearer",
        unset="by the key",
    )
    channels: Channels = setting(
        (),
        meaning="where `/restore` may be used: channel ids, comma-separated",
        example=["C0123ABCD"],
        unset="anywhere the bot is a member",
    )
    requesters: RequesterIds = setting(
        (),
        meaning="who may ask: user ids and usergroup ids (`S…`), comma-separated",
        example=["U0123ABCD", "S0123ABCD"],
        unset="every full member",
    )
    approvers: ApproverIds = setting(
        (),
        meaning="who may approve: the same",
        example=["U0123ABCD", "S0123ABCD"],
        unset="required",
        purpose=NO_APPROVERS,
    )
    approvals_needed: Quorum = setting(
        1, meaning="approvals of distinct people; a higher number holds for what is open too"
    )
    approval_ttl: Ttl = setting(
        "30 min", meaning="how long a request waits, and how long an approval is good for"
    )
    announce: Channels = setting(
        (),
        meaning="channels to tell, in words for the portal's users, when a restore is planned, "
        "starts and is over; the bot has to be a member",
        example=["C0123ABCD"],
        unset="nowhere",
    )
    safety_backup: SafetyBackup = setting(
        None,
        meaning="a backup before each restore, and where it goes: see below",
        example={"storageType": 5, "module": "s3", "bucket": "acme", "region": "eu-west-1"},
        unset="`none`",
    )


class BotAccess(BaseModel):
    """What the bot needs to get at Slack, and at the keys that it keeps."""

    slack_bot_token: BotToken = setting(
        variable="SLACK_BOT_TOKEN",
        meaning="the bot's token, `xoxb-…`",
        example="xoxb-…",
        source="from OAuth & Permissions",
    )
    slack_app_token: AppToken | None = setting(
        None,
        variable="SLACK_APP_TOKEN",
        meaning="the app-level token, `xapp-…`; with it Slack is listened to over Socket Mode",
        example="xapp-…",
        source="from Basic Information, with connections:write",
    )
    slack_signing_secret: SecretStr | None = setting(
        None,
        variable="SLACK_SIGNING_SECRET",
        meaning="required without an app token: Slack then calls `POST /slack/events`, "
        "and this proves that it is Slack",
        example="the Signing Secret under Basic Information",
    )
    slack_api_url: BaseAddress = setting(
        "https://slack.com/api/",
        variable="SLACK_API_URL",
        meaning="another base, for GovSlack, a proxy or a sandbox",
    )
    encryption_key: EncryptionKey | None = setting(
        None,
        meaning="encrypts the API keys that `restorebot key set` stores; with it "
        "`DOCSPACE_API_KEY` may be left out",
        example="what restorebot key generate prints",
    )


class BotRules(BaseModel):
    """What the bot does, whichever portal it is about."""

    break_glass: Users = setting(
        (),
        meaning="user ids of those who may start a restore alone, with a typed phrase; "
        "the channel and the approvers are told loudly",
        example=["U0123ABCD"],
        unset="nobody",
    )
    allow_self_approval: bool = setting(
        False, meaning="whether an approver may approve their own request; the card says so then"
    )
    # Each poll takes a lock of the whole portal (docspace-api §4.1): under 2 s is for the sandbox.
    poll_interval: PollInterval = setting(
        "5 s",
        meaning="between looks at a running restore; better not under 2 s, for each look takes "
        "a lock on the portal",
    )
    stall_after: Ttl = setting("30 min", meaning="without any change, until the thread is told")
    health: bool = setting(
        True,
        meaning="whether `/livez` and `/readyz` are served; with an app token, nothing else is",
    )
    port: Port = setting(
        HTTP_PORT,
        variable="PORT",
        meaning="serves `/livez` and `/readyz`, and without an app token `/slack/events`",
        example=HTTP_PORT + 1,  # where the usual one may be taken
    )
    host: str | None = setting(
        None,
        variable="HOST",
        meaning="the address to serve on",
        example="127.0.0.1",
        unset="`127.0.0.1` with an app token, else `0.0.0.0`",
    )


class DatabaseAccess(BaseModel):
    """Where the bot keeps what it knows."""

    database_url: DatabaseUrl = setting(
        "sqlite:///restorebot.sqlite3",
        variable="DATABASE_URL",
        meaning="an SQLite file on a disk that lasts; one bot per file",
        example="sqlite:////var/lib/restorebot/restorebot.sqlite3",
    )
