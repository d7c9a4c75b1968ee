"""What the portal's answers look like: its wrapper and its refusals (docspace-api §1.4)."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class Refusal(Exception):
    """An answer other than success."""

    def __init__(self, response: Response) -> None:
        super().__init__(str(response.status_code))
        self.response = response


def envelope(
    request: Request,
    response: Any = None,
    *,
    status: int = 0,
    code: int = 200,
    media_type: str = "application/json",
) -> Response:
    """Return the success wrapper (docspace-api §1.4); ``response`` is left out when null."""
    count = len(response) if isinstance(response, list) else int(response is not None)
    body: dict[str, Any] = {} if response is None else {"response": response}
    body |= {
        "count": count,
        "links": [{"href": str(request.url), "action": request.method}],
        "status": status,
        "statusCode": code,
    }
    return JSONResponse(body, code, media_type=media_type)


def error(code: int, message: str, kind: str, hresult: int = -2146233088) -> Refusal:
    """Return a controller's exception, stack and all (docspace-api §1.4)."""
    stack = (
        f"   at ASC.Data.Backup.BackupController.Sandbox() in /src/secret/path/{kind}.cs:line 42"
    )
    body = {
        "error": {"message": message, "type": kind, "stack": stack, "hresult": hresult},
        "status": 1,
        "statusCode": code,
    }
    return Refusal(JSONResponse(body, code))


def access_denied() -> Refusal:
    """Return a controller's refusal of a person without the right."""
    return error(403, "Access denied", "System.Security.SecurityException", -2146233078)


def problem_details(code: int, title: str) -> Refusal:
    """Return a filter's refusal, which has no wrapper (docspace-api §1.4)."""
    body = {
        "type": f"https://tools.ietf.org/html/rfc9110#section-15.5.{code - 399}",
        "title": title,
        "status": code,
        "traceId": "00-0",
    }
    return Refusal(JSONResponse(body, code, media_type="application/problem+json"))


def invalid(request: Request, where: str, message: str) -> Refusal:
    """Return validation's 400, inside the success wrapper and without an ``error`` key."""
    detail = {
        "title": "One or more validation errors occurred.",
        "status": 400,
        "errors": {where: [message]},
    }
    problem = "application/problem+json"
    return Refusal(envelope(request, detail, status=1, code=400, media_type=problem))
