"""What the control interfaces of workspace, portal and page share: bodies, errors and routes.

JSON in and out. A body that is not what its model says is answered with 400, and what cannot be
done with another 4xx; either comes with ``{"error": sentence}``.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Json = dict[str, Any]
Handler = Callable[[Request], Awaitable[Json]]
Model = TypeVar("Model", bound=BaseModel)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class ControlError(Exception):
    """A request that cannot be taken; ``sentence`` says why."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class Body(BaseModel):
    """A request's JSON object, of exactly these members and types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Nothing(Body):
    """A body without a member."""


class AnyObject(RootModel[Json]):
    """A body of any members."""


class Query(BaseModel):
    """A request's query, of exactly these parameters."""

    model_config = ConfigDict(extra="forbid")


def parse(model: type[Model], raw: bytes) -> Model:
    """Return a body as its model; no bytes are an empty object. Raises ControlError."""
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as error:
        raise ControlError(400, _sentences(error, "member")) from None


def parse_object(raw: bytes) -> Json:
    """Return a body of any members, or raise ControlError."""
    return parse(AnyObject, raw).root


def validate(model: type[Model], members: Mapping[str, Any]) -> Model:
    """Return the members of a body as a model. Raises ControlError."""
    try:
        return model.model_validate(members)
    except ValidationError as error:
        raise ControlError(400, _sentences(error, "member")) from None


async def read(request: Request, model: type[Model]) -> Model:
    """Return the request's body as its model. Raises ControlError."""
    return parse(model, await request.body())


def read_query(request: Request, model: type[Model]) -> Model:
    """Return the request's query as its model. Raises ControlError."""
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise ControlError(400, _sentences(error, "parameter")) from None


def _sentences(error: ValidationError, what: str) -> str:
    return " ".join(_sentence(dict(one), what) for one in error.errors())


def _sentence(error: Json, what: str) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "json_invalid":
        return "The body is not JSON."
    if not place:
        return "The body is not a JSON object."
    if error["type"] == "missing":
        return f"The {what} '{place}' is missing."
    if error["type"] == "extra_forbidden":
        return f"There is no {what} '{place}' here."
    return f"The {what} '{place}' is wrong: {error['msg']}."


def control_routes(table: Mapping[str, Mapping[str, Handler]]) -> list[Route]:
    """Return the routes under ``/_sandbox/``: for each path its handlers, by method."""
    routes = [_route(path, handlers) for path, handlers in table.items()]
    return [*routes, Route("/_sandbox/{path:path}", _no_such_path, methods=METHODS)]


def _route(path: str, handlers: Mapping[str, Handler]) -> Route:
    async def endpoint(request: Request) -> Response:
        handler = handlers.get(request.method)
        if handler is None:
            sentence = f"{request.url.path} takes {' and '.join(handlers)}, not {request.method}."
            return JSONResponse({"error": sentence}, 405)
        try:
            return JSONResponse(await handler(request))
        except ControlError as error:
            return JSONResponse({"error": error.sentence}, error.status)

    return Route(f"/_sandbox/{path}", endpoint, methods=METHODS)


async def _no_such_path(request: Request) -> Response:
    return JSONResponse({"error": f"There is no {request.url.path}."}, 404)
