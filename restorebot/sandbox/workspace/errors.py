"""The two ways in which the local Slack says no."""

from typing import Any

Json = dict[str, Any]


class MethodError(Exception):
    """A Web API method says no: ``{"ok": false, "error": code}`` and, for some codes, more
    fields.
    """

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.code = code
        self.more = more


class ControlError(Exception):
    """The control interface was asked for something that a person at a Slack client could not
    do.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
