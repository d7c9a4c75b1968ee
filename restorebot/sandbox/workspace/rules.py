"""A small schema language for Block Kit: a rule is data, and says what is wrong with a value."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Rule(Protocol):
    """What a value must be."""

    def problems(self, value: Any, at: str) -> Iterator[str]:
        """Yield what is wrong with the value at this JSON pointer, in words like Slack's."""
        ...


def problem(what: str, at: str) -> str:
    """Return a complaint about a place."""
    return f"{what} [json-pointer:{at}]"


TEXT_FLAGS = {"plain_text": "emoji", "mrkdwn": "verbatim"}
"""The kinds of text object, and the flag that each may have."""


def _length_problems(length: int, shortest: int, longest: int, at: str) -> Iterator[str]:
    if length > longest:
        yield problem(f"must be less than {longest + 1} characters", at)
    if length < shortest:
        yield problem(f"must be more than {shortest - 1} characters", at)


@dataclass(frozen=True)
class Str:
    """A string; lengths in characters."""

    longest: int
    shortest: int = 0

    def problems(self, value: Any, at: str) -> Iterator[str]:
        """See `Rule`."""
        if not isinstance(value, str):
            yield problem("must provide a string", at)
        else:
            yield from _length_problems(len(value), self.shortest, self.longest, at)


@dataclass(frozen=True)
class Text:
    """A text object; ``plain`` where Slack demands plain_text."""

    longest: int
    plain: bool = False
    shortest: int = 1

    def problems(self, value: Any, at: str) -> Iterator[str]:
        """See `Rule`."""
        flags = {"plain_text": "emoji"} if self.plain else TEXT_FLAGS
        if not isinstance(value, dict):
            yield problem("must provide an object", at)
        elif value.get("type") not in flags:
            yield problem(f"must be one of: {', '.join(flags)}", f"{at}/type")
        else:
            members: dict[str, Rule] = {"type": ANY, "text": Str(self.longest, self.shortest)}
            yield from Obj(members, {flags[value["type"]]: FLAG}).problems(value, at)


@dataclass(frozen=True)
class OneOf:
    """One of a few strings."""

    allowed: tuple[str, ...]

    def problems(self, value: Any, at: str) -> Iterator[str]:
        """See `Rule`."""
        if value not in self.allowed:
            yield problem(f"must be a valid enum value: {', '.join(self.allowed)}", at)


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def problems(self, value: Any, at: str) -> Iterator[str]:
        """See `Rule`."""
        if not isinstance(value, bool):
            yield problem("must provide a boolean", at)


@dataclass(frozen=True)
class Int:
    """A whole number."""

    least: int
    most: int

    def problems(self, value: Any, at: str) -> Iterator[str]:
        """See `Rule`."""
        if isinstance(value, bool) or not isinstance(value, int):
            yield problem("must provide an integer", at)
        elif not self.least <= value <= self.most:
            yield problem(f"must be between {self.least} and {self.most}", at)


@dataclass(frozen=True)
class Anything:
    """A value that Slack checks and this program does not."""

    def problems(self, value: Any, at: str) -> Iterator[str]:
        """See `Rule`."""
        del value, at
        yield from ()


@dataclass(frozen=True)
class List:
    """An array of equal things."""

    item: Rule
    most: int
    fewest: int = 1

    def problems(self, value: Any, at: str) -> Iterator[str]:
        """See `Rule`."""
        if not isinstance(value, list):
            yield problem("must provide an array", at)
            return
        if len(value) > self.most:
            yield problem(f"no more than {self.most} items allowed", at)
        if len(value) < self.fewest:
            yield problem(f"no fewer than {self.fewest} items allowed", at)
        for index, item in enumerate(value):
            yield from self.item.problems(item, f"{at}/{index}")


ExtraCheck = Callable[[dict[str, Any]], str | None]


@dataclass(frozen=True)
class Obj:
    """An object with these members and no others; ``also`` looks at the object as a whole."""

    required: Mapping[str, Rule] = field(default_factory=dict)
    optional: Mapping[str, Rule] = field(default_factory=dict)
    also: ExtraCheck | None = None

    def problems(self, value: Any, at: str) -> Iterator[str]:
        """See `Rule`."""
        if not isinstance(value, dict):
            yield problem("must provide an object", at)
            return
        for name in self.required:
            if name not in value:
                yield problem(f"missing required field: {name}", at)
        for name, member in value.items():
            yield from self._member_problems(name, member, at)
        complaint = self.also(value) if self.also else None
        if complaint:
            yield problem(complaint, at)

    def _member_problems(self, name: str, member: Any, at: str) -> Iterator[str]:
        if name in self.required:
            yield from self.required[name].problems(member, f"{at}/{name}")
        elif name not in self.optional:
            yield problem(f"invalid additional property: {name}", at)
        elif member is not None:
            yield from self.optional[name].problems(member, f"{at}/{name}")


@dataclass(frozen=True)
class ByType:
    """An object whose ``type`` names its rule in a table, where only ``allowed`` ones may stand.

    ``what`` is what the table holds, for a type that Slack may know and this program does not.
    """

    table: Mapping[str, Rule]
    allowed: frozenset[str]
    what: str

    def problems(self, value: Any, at: str) -> Iterator[str]:
        """See `Rule`."""
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str):
            yield problem("must provide a type", at)
        elif kind not in self.table:
            yield problem(f"the sandbox does not know the {self.what} '{kind}'", at)
        elif kind not in self.allowed:
            yield problem(f"unsupported type: {kind}", at)
        else:
            yield from self.table[kind].problems(value, at)


ANY = Anything()
FLAG = Flag()


def size_of(value: Any) -> int:
    """Return the bytes of the value as compact JSON."""
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())
