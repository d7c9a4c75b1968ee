"""The portal's client against rude servers: each refusal is one typed error, and the POST goes out
once.
"""

import asyncio
import contextlib
import gzip
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import (
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.types import ASGIApp, Receive, Scope, Send

from restorebot import errors
from restorebot.docspace.client import DEFAULT_LIMITS, DocSpace, Limits, ssl_context
from restorebot.docspace.models import Progress, unknown_shape
from restorebot.docspace.sentences import KEY_UNFIT, Sentences, SetupHints
from restorebot.docspace.storages import StorageType
from restorebot.errors import PortalError
from restorebot.model import Source
from restorebot.sandbox.serve import serving

KEY = "sk-" + "ef56" * 16
SOURCE = Source(
    backup_id="3c0f8f0a-7a6b-4f2e-9a51-0d7a4a1f6b11",
    file_name="acme.tar.gz",
    storage_type=StorageType.CLOUD,
    created_on=datetime(2026, 1, 1, tzinfo=UTC),
)
TLS = ssl_context()
QUICK = Limits(read_timeout=10, start_timeout=10)
HINTS = SetupHints(address="the bookmark", store_key="Give one.", replace_key="Give it instead.")

Answer = Callable[[Request], Response | Awaitable[Response]]


@dataclass
class Rude:
    """A server that answers everything in one way and remembers what it was asked."""

    answer: Answer
    seen: list[Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def app(self) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request({**scope, "sandbox.send": send}, receive)
            self.seen.append(request)
            self.bodies.append(await request.body())
            made = self.answer(request)
            response = made if isinstance(made, Response) else await made
            await response(scope, receive, send)

        return serve


@asynccontextmanager
async def portal(answer: Answer, limits: Limits = QUICK) -> AsyncIterator[tuple[DocSpace, Rude]]:
    rude = Rude(answer)
    async with serving(rude.app()) as url:
        client = DocSpace(url, SecretStr(KEY), ssl_context=TLS, limits=limits, hints=HINTS)
        yield client, rude
        await client.aclose()


def failure(kind: str) -> bytes:
    return json.dumps(
        {"error": {"message": "It broke.", "type": kind, "stack": "at /src/secret.cs"}}
    ).encode()


JSON, PROBLEM, HTML = "application/json", "application/problem+json", "text/html"

Said = Callable[[Sentences], str]

REFUSALS: list[tuple[str, int, str, bytes, type[PortalError], Said]] = [
    (
        "validation",
        400,
        JSON,
        b'{"response":{"errors":{}},"status":1}',
        errors.RequestRejected,
        lambda say: say.malformed(None),
    ),
    ("no such key", 401, "", b"", errors.KeyRejected, Sentences.key_rejected),
    (
        "unpaid",
        402,
        PROBLEM,
        b"{}",
        errors.PaymentRequired,
        lambda say: say.asks_for_payment(None),
    ),
    (
        "no such option",
        402,
        JSON,
        failure("BillingException"),
        errors.PaymentRequired,
        lambda say: say.asks_for_payment("It broke."),
    ),
    (
        "no administrator",
        403,
        JSON,
        failure("SecurityException"),
        errors.AccessDenied,
        Sentences.access_denied,
    ),
    ("locked", 403, PROBLEM, b"{}", errors.PortalLocked, Sentences.locked),
    ("no scope", 403, "", b"", errors.KeyLacksScope, Sentences.key_lacks_scope),
    (
        "address",
        403,
        "text/plain",
        b"Access denied",
        errors.IpAddressRefused,
        Sentences.ip_address_refused,
    ),
    (
        "no backup",
        404,
        JSON,
        failure("FileNotFoundException"),
        errors.PortalNotFound,
        lambda say: say.not_found("It broke."),
    ),
    ("no portal", 404, PROBLEM, b"{}", errors.PortalNotFound, Sentences.not_a_portal),
    (
        "fault before",
        500,
        JSON,
        failure("ASC.FaultException"),
        errors.PortalFault,
        lambda say: say.failed_inside(500, "It broke."),
    ),
    (
        "missing path",
        500,
        JSON,
        failure("System.KeyNotFoundException"),
        errors.PortalFault,
        lambda say: say.failed_inside(500, "It broke."),
    ),
    (
        "fault inside",
        500,
        JSON,
        failure("System.NullReferenceException"),
        errors.PortalFault,
        lambda say: say.failed_inside(500, "It broke."),
    ),
    (
        "proxy",
        502,
        HTML,
        b"<html>Bad Gateway</html>",
        errors.PortalFault,
        lambda say: say.service_away(502),
    ),
    ("elsewhere", 418, HTML, b"teapot", errors.BadReply, lambda say: say.unknown_status(418)),
    ("html", 200, HTML, b"<html>Sign in</html>", errors.BadReply, Sentences.not_json),
    ("half", 200, JSON, b'{"response":{"isCo', errors.BadReply, Sentences.not_json),
    ("a list", 200, JSON, b"[1]", errors.BadReply, Sentences.unknown_shape),
    ("too deep", 200, JSON, b"[" * 100_000, errors.BadReply, Sentences.not_json),
    (
        "another shape",
        200,
        JSON,
        b'{"response":[3]}',
        errors.BadReply,
        lambda _: unknown_shape("progress"),
    ),
]
NOT_SENT = {400, 401, 402, 403, 404, 429}


@pytest.mark.parametrize(
    ("status", "kind", "body", "error", "said"),
    [one[1:] for one in REFUSALS],
    ids=[one[0] for one in REFUSALS],
)
async def test_each_refusal_is_one_error_with_a_sentence_to_act_on(
    status: int, kind: str, body: bytes, error: type[PortalError], said: Said
) -> None:
    headers = {"content-type": kind} if kind else {}
    async with portal(lambda _: Response(body, status, headers)) as (client, rude):
        with pytest.raises(PortalError) as read:
            await client.restore_progress()
        with pytest.raises(PortalError) as started:
            await client.start_restore(SOURCE, notify=False)
    assert type(read.value) is type(started.value) is error
    sentence = str(started.value)
    assert sentence == str(read.value) == said(Sentences(client.host, HINTS))
    assert KEY not in sentence
    assert "/src/secret.cs" not in sentence
    harmless = status in NOT_SENT or b"FaultException" in body or b"KeyNotFound" in body
    assert started.value.sent is not harmless
    assert len([one for one in rude.seen if one.method == "POST"]) == 1


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("7", 7, 7),
        ("", 30, 30),
        ("soon", 30, 30),
        ("nan", 30, 30),
        ("-5", 0, 0),
        ("1e9", 300, 300),
        ("in two minutes", 60, 120),
    ],
)
async def test_a_pause_that_the_portal_asks_for_is_understood(
    value: str, least: float, most: float
) -> None:
    if value == "in two minutes":
        value = format_datetime(datetime.now(UTC) + timedelta(minutes=2), usegmt=True)
    async with portal(lambda _: Response(b"", 429, {"retry-after": value})) as (client, _):
        with pytest.raises(errors.RateLimited) as limited:
            await client.settings()
    assert least <= limited.value.retry_after <= most
    assert limited.value.transient
    assert not limited.value.sent


async def hang_up(request: Request) -> Response:
    request.scope["sandbox.send"].__self__.transport.abort()
    return Response()


async def too_late(_: Request) -> Response:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 1)
    return Response()


async def drip(_: Request) -> Response:
    async def bytes_one_by_one() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" "
            await asyncio.sleep(0.02)

    return StreamingResponse(bytes_one_by_one())


LOST: list[tuple[str, Answer, type[PortalError]]] = [
    ("cut", hang_up, errors.PortalTimeout),
    ("too late", too_late, errors.PortalTimeout),
    ("a byte now and then", drip, errors.PortalTimeout),
    ("redirected", lambda _: RedirectResponse("/elsewhere", 307), errors.BadReply),
]


@pytest.mark.parametrize(
    ("answer", "error"), [one[1:] for one in LOST], ids=[one[0] for one in LOST]
)
async def test_a_post_without_an_answer_went_out_once_and_may_have_worked(
    answer: Answer, error: type[PortalError]
) -> None:
    async with portal(answer, Limits(read_timeout=0.5, start_timeout=0.5)) as (client, rude):
        with pytest.raises(error) as lost:
            await client.start_restore(SOURCE, notify=False)
    assert lost.value.sent
    assert len(rude.seen) == 1


async def test_an_answer_without_a_task_is_none() -> None:
    async with portal(lambda _: JSONResponse({"count": 0, "status": 0})) as (client, _):
        assert await client.start_restore(SOURCE, notify=False) is None
        assert await client.restore_progress() is None
        assert await client.history() == []


async def test_the_body_is_what_the_portal_takes() -> None:
    async with portal(lambda _: JSONResponse({"response": {"taskId": "t1"}})) as (client, rude):
        started = await client.start_restore(SOURCE, notify=True)
    assert started == Progress(is_completed=False, progress=0, task_id="t1")
    assert rude.seen[0].headers["authorization"] == f"Bearer {KEY}"
    params = [{"key": "fileId", "value": SOURCE.backup_id}]
    wanted = {
        "backupId": SOURCE.backup_id,
        "storageType": 5,
        "storageParams": params,
        "notify": True,
    }
    assert json.loads(rude.bodies[0]) == wanted


async def test_anonymous_routes_carry_no_credential_and_no_cookie_comes_back() -> None:
    def answer(_: Request) -> Response:
        response = JSONResponse({"response": {}})
        response.set_cookie("asc_auth_key", "session")
        return response

    async with portal(answer) as (client, rude):
        await client.settings()
        await client.restore_progress()
        await client.backup_progress()
        await client.settings()
    carried = [{"authorization", "cookie"} & set(request.headers) for request in rude.seen]
    assert carried == [set(), set(), {"authorization"}, set()]
    assert [request.url.query for request in rude.seen] == ["", "dump=false", "dump=false", ""]


@pytest.mark.parametrize("value", ["token5", "asc_auth_key=token5"])
async def test_a_cookie_goes_as_the_cookie_that_the_portal_sets(value: str) -> None:
    rude = Rude(lambda _: JSONResponse({"response": []}))
    async with serving(rude.app()) as url:
        client = DocSpace(url, SecretStr(value), ssl_context=TLS)
        await client.history()
        await client.aclose()
    assert rude.seen[0].headers["cookie"] == "asc_auth_key=token5"
    assert "authorization" not in rude.seen[0].headers


async def test_a_redirect_to_another_origin_gets_no_request_and_no_key() -> None:
    other = Rude(lambda _: JSONResponse({"response": []}))
    async with (
        serving(other.app()) as elsewhere,
        portal(lambda _: RedirectResponse(elsewhere + "/x")) as (client, _),
    ):
        with pytest.raises(errors.BadReply) as redirected:
            await client.history()
    target = elsewhere.removeprefix("http://")
    assert str(redirected.value) == Sentences(client.host, HINTS).redirects(target)
    assert not other.seen


@pytest.mark.parametrize("headers", [{}, {"location": "http://["}])
async def test_a_redirect_to_nowhere_is_a_bad_reply(headers: dict[str, str]) -> None:
    async with portal(lambda _: Response(b"", 302, headers)) as (client, rude):
        with pytest.raises(errors.BadReply) as redirected:
            await client.history()
    assert str(redirected.value) == Sentences(client.host, HINTS).redirects(None)
    assert len(rude.seen) == 1


async def test_without_any_key_a_call_says_how_to_store_one_and_sends_nothing() -> None:
    rude = Rude(lambda _: JSONResponse({"response": []}))
    async with serving(rude.app()) as url:
        client = DocSpace(url, None, ssl_context=TLS, hints=HINTS)
        with pytest.raises(errors.KeyMissing) as missing:
            await client.history()
        await client.aclose()
    assert str(missing.value) == Sentences(client.host, HINTS).key_missing()
    assert not rude.seen


async def test_a_redirect_on_the_same_origin_is_followed_once() -> None:
    def answer(request: Request) -> Response:
        return (
            JSONResponse({"response": []})
            if request.url.path == "/new"
            else RedirectResponse("/new")
        )

    async with portal(answer) as (client, rude):
        assert await client.history() == []
    assert [request.url.path for request in rude.seen] == [
        "/api/2.0/backup/getbackuphistory",
        "/new",
    ]
    async with portal(lambda _: RedirectResponse("/again")) as (client, rude):
        with pytest.raises(errors.BadReply):
            await client.history()
    assert len(rude.seen) == 2


async def endless(_: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"x" * 65536
            await asyncio.sleep(0)

    return StreamingResponse(chunks(), media_type=JSON)


async def bomb(_: Request) -> Response:
    return Response(
        gzip.compress(b"0" * 50_000_000), headers={"content-encoding": "gzip"}, media_type=JSON
    )


@pytest.mark.parametrize("answer", [endless, bomb])
async def test_a_reply_without_end_is_given_up_on_at_the_bound(answer: Answer) -> None:
    async with portal(answer, DEFAULT_LIMITS) as (client, _):
        with pytest.raises(errors.BadReply) as endless:
            await client.restore_progress()
    assert str(endless.value) == Sentences(client.host).too_large(4)


async def unreached(url: str) -> str:
    limits = Limits(connect_timeout=1)
    client = DocSpace(url, SecretStr(KEY), ssl_context=TLS, limits=limits, hints=HINTS)
    with pytest.raises(errors.PortalUnreachable) as error:
        await client.start_restore(SOURCE, notify=False)
    await client.aclose()
    assert not error.value.sent
    assert error.value.transient
    return str(error.value)


async def test_a_portal_that_cannot_be_reached_says_why_and_nothing_was_sent() -> None:
    async with portal(lambda _: PlainTextResponse("ok")) as (client, rude):
        say = Sentences(client.host)
        assert await unreached(client.url.replace("http:", "https:")) == say.no_tls()
        assert not rude.seen
    assert await unreached(client.url) == say.refuses_connection()
    unknown = Sentences("no-such-host.invalid", HINTS).unknown_name()
    assert await unreached("http://no-such-host.invalid") == unknown


async def test_dns_that_does_not_answer_is_no_wrong_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def silent(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    say = Sentences("docs.acme.example", HINTS)
    assert await unreached("http://docs.acme.example") == say.silent_dns()


Call = Callable[[DocSpace], Coroutine[Any, Any, Any]]


@pytest.mark.parametrize(("status", "lives"), [(200, True), (401, False)])
async def test_whether_the_key_lives_is_asked_with_the_key(status: int, lives: bool) -> None:
    async with portal(lambda _: JSONResponse({"response": {"name": "k"}}, status)) as (
        client,
        rude,
    ):
        assert await client.key_still_works(datetime.now(UTC)) is lives
    assert rude.seen[0].headers["authorization"]


@pytest.mark.parametrize("key", ["", "  ", "sk-ü", "sk-a\nb"])
def test_a_key_that_is_no_key_is_refused_without_its_value(key: str) -> None:
    with pytest.raises(ValueError, match=KEY_UNFIT):
        DocSpace("https://acme.example", SecretStr(key), ssl_context=TLS)
