"""What the workspace's control interface takes: a model for each body and each query."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, RootModel

from restorebot.sandbox.control import Body, Query
from restorebot.sandbox.workspace.api import Fault
from restorebot.sandbox.workspace.delivery import HttpOptions

LONGEST_WAIT = 60.0
"""Real seconds that a long poll may take."""


class Interaction(Body):
    """What a person does, and what its payload says instead of the truth.

    ``team_id`` and ``trigger`` take the place of the right ones, ``http`` signs wrongly: for tests
    of what the bot believes.
    """

    user: str
    team_id: str | None = None
    trigger: str | None = None
    http: HttpOptions = HttpOptions()


class CommandBody(Interaction):
    """A slash command that is typed."""

    channel: str
    text: str = ""
    command: str = "/restore"


class ClickBody(Interaction):
    """The use of an element; ``value`` is an option's, or tells equal buttons apart."""

    action_id: str
    value: str | list[str] | None = None
    confirm: bool = True


class MessageClick(ClickBody):
    """The use of an element of a message."""

    channel: str
    ts: str


class ViewClick(ClickBody):
    """The use of an element of a view, after the person has filled in ``values``."""

    view_id: str
    values: dict[str, Any] = Field(default_factory=dict)


class SubmitBody(Interaction):
    """A modal that is filled in and submitted."""

    view_id: str
    values: dict[str, Any] = Field(default_factory=dict)


class CloseBody(Body):
    """A modal that is closed."""

    user: str
    view_id: str


class HomeBody(Body):
    """A look at the app's Home tab."""

    user: str


class SayBody(Body):
    """A message that a person writes."""

    user: str
    channel: str
    text: str
    thread_ts: str | None = None


def _listed(value: Any) -> Any:
    if isinstance(value, list):
        return value
    return [value]


class FaultsBody(RootModel[dict[str, Annotated[list[Fault], BeforeValidator(_listed)]]]):
    """For each of some methods a fault, or several that strike one after the other."""


class SettingsBody(Body):
    """Whether the Web API keeps to its rate limits."""

    rate_limits: bool


class AdvanceBody(Body):
    """Seconds that the clock goes on by."""

    seconds: float = Field(ge=0)


class DeliverBody(Body):
    """Where commands and interactions go: to a URL, or over Socket Mode."""

    url: str | None
    signing_secret: str | None = None


class PersonChanges(Body):
    """What may be changed of a person."""

    name: str | None = None
    team_id: str | None = None
    deleted: bool | None = None
    is_bot: bool | None = None
    is_restricted: bool | None = None
    is_ultra_restricted: bool | None = None
    is_stranger: bool | None = None


class NewPerson(PersonChanges):
    """A person who is added."""

    name: str


class ChannelChanges(Body):
    """What may be changed of a channel; ``is_member`` lets the bot in or out."""

    is_private: bool | None = None
    is_im: bool | None = None
    is_ext_shared: bool | None = None
    is_archived: bool | None = None
    members: list[str] | None = None
    is_member: bool | None = None


class NewChannel(ChannelChanges):
    """A channel that is added."""

    name: str


class UsergroupBody(Body):
    """The members of a usergroup."""

    users: list[str]


class UserQuery(Query):
    """Whose screen is looked at."""

    user: str


class ChannelQuery(Query):
    """Which channel is looked at."""

    channel: str


class EventsQuery(Query):
    """Which events are asked for, and how many real seconds may be waited for one."""

    after: int = Field(default=0, ge=0)
    wait: float = Field(default=0, ge=0, le=LONGEST_WAIT)
