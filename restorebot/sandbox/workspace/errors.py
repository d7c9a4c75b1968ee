"""How a Web API method says no."""

from typing import Any


class MethodError(Exception):
    """A Web API method says no by a code, which for some codes comes with more fields."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.code = code
        self.more = more
