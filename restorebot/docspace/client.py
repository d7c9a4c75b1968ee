"""One portal's HTTP API, as `docs/docspace-api.md` has it: typed answers, typed errors, and one
POST that is never repeated.
"""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Literal
from urllib.parse import quote, urljoin, urlsplit

import httpx
from pydantic import SecretStr

from restorebot.docspace.models import (
    BackupRecord,
    FileInfo,
    KeyInfo,
    PortalInfo,
    Progress,
    clean_text,
)
from restorebot.docspace.replies import Reply, error_for
from restorebot.docspace.storages import Storage, encode_params
from restorebot.errors import (
    BadReply,
    KeyMissing,
    KeyUnusable,
    PortalNotFound,
    PortalTimeout,
    PortalUnreachable,
)
from restorebot.model import Source

BACKUP = "/api/2.0/backup/"
START_RESTORE = BACKUP + "startrestore"
START_BACKUP = BACKUP + "startbackup"
SETTINGS = "/api/2.0/settings"
KEY = "/api/2.0/keys/@self"
FILES = "/api/2.0/files/file/"

MAX_REPLY = 4 * 2**20
"""Bytes of a reply that are read; 3,000 backups are about half a megabyte."""

Auth = Literal["bearer", "cookie"]


@dataclass(frozen=True)
class ApiKeyInUse:
    """An API key that was stored after the settings were written, and when."""

    key: SecretStr
    stored_at: datetime


@cache
def ssl_context() -> ssl.SSLContext:
    """The one context for all portals; making one costs tens of milliseconds."""
    return httpx.create_ssl_context()


class DocSpace:
    """A portal. ``connect_timeout``, ``read_timeout`` and ``start_timeout`` are seconds for a whole
    call.

    ``stored_key_source`` is asked before each call with a key, and comes before ``key``.
    """

    def __init__(
        self,
        url: str,
        key: SecretStr | None,
        *,
        ssl_context: ssl.SSLContext,
        auth: Auth | None = None,
        stored_key_source: Callable[[], Awaitable[ApiKeyInUse | None]] | None = None,
        connect_timeout: float = 3.0,
        read_timeout: float = 30.0,
        start_timeout: float = 90.0,
        max_reply: int = MAX_REPLY,
    ) -> None:
        self.url = url.rstrip("/")
        self.host = urlsplit(self.url).netloc
        self._credential = Credential.from_key(key, auth) if key is not None else None
        self._stored_key = stored_key_source
        self._read_timeout = read_timeout
        self._start_timeout = start_timeout
        self._max_reply = max_reply
        timeout = httpx.Timeout(start_timeout, connect=connect_timeout, pool=connect_timeout)
        # No jar: a cookie that the portal sets must not come back on the anonymous routes.
        self._http = httpx.AsyncClient(
            verify=ssl_context, timeout=timeout, follow_redirects=False, trust_env=True
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def settings(self) -> PortalInfo:
        """What the portal says of itself.

        Anonymous: a dead key would turn the answer into a 403.
        """
        return PortalInfo.parse(await self._get(SETTINGS, anonymous=True))

    async def key_info(self) -> KeyInfo | None:
        """The API key's rights; None where they cannot be asked: portals before 3.1, and cookies
        (docspace-api §E).
        """
        if not (await self._current()).is_api_key:
            return None
        try:
            return KeyInfo.parse(await self._get(KEY))
        except PortalNotFound:
            return None

    async def history(self) -> list[BackupRecord]:
        """This portal's backups, newest first.

        Reading it makes the portal look for every file: not to be polled.
        """
        records = await self._get(BACKUP + "getbackuphistory", query={"dump": "false"})
        if not isinstance(records or [], list):
            raise BadReply(f"{self.host} sent a backup history that is no list.")
        parsed = [BackupRecord.parse(record) for record in records or []]
        return sorted(parsed, key=lambda record: record.created_on, reverse=True)

    async def file(self, file_id: str) -> FileInfo:
        """A file in a room.

        Raises PortalNotFound when there is none, or the key's owner may not see it.
        """
        return FileInfo.parse(await self._get(f"{FILES}{quote(file_id, safe='')}"))

    async def backup_progress(self) -> Progress | None:
        """The portal's backup task, None when it knows of none."""
        reply = await self._get(BACKUP + "getbackupprogress", query={"dump": "false"})
        return None if reply is None else Progress.parse(reply)

    async def restore_progress(self) -> Progress | None:
        """The portal's restore task, None when it knows of none.

        Anonymous, because the key dies at the moment of success; with ``dump=false``, because
        without it yesterday's dump task can mask ours (docspace-api §4.1).
        """
        reply = await self._get(
            BACKUP + "getrestoreprogress", query={"dump": "false"}, anonymous=True
        )
        return None if reply is None else Progress.parse(reply)

    async def start_restore(self, source: Source, *, notify: bool) -> Progress | None:
        """Send the one POST; None when the portal took it without naming a task. Never retried,
        never redirected.

        A PortalError with ``sent`` leaves open whether the restore runs.
        """
        request = await self._request(
            "POST", START_RESTORE, json=restore_body(source, notify=notify)
        )
        reply = await self._send(request, self._start_timeout)
        response = self._unwrap(reply)
        return None if response is None else Progress.parse(response)

    async def start_backup(self, storage: Storage) -> Progress | None:
        """Ask for a backup; None when the portal took it without naming a task. Never retried.

        While a backup runs, the portal answers with that one (docspace-api §9).
        """
        request = await self._request("POST", START_BACKUP, json=backup_body(storage))
        response = self._unwrap(await self._send(request, self._start_timeout))
        return None if response is None else Progress.parse(response)

    async def key_still_works(self, since: datetime) -> bool | None:
        """Whether the key still opens anything: after a completed restore it must not.

        None when another key has been stored since that time, for then the old one cannot be asked
        any more.
        """
        newer = await self._stored_key() if self._stored_key else None
        if newer and newer.stored_at >= since:
            return None
        try:
            if await self.key_info() is None:
                await self.history()
        except KeyUnusable:
            return False
        return True

    async def _get(
        self, path: str, *, query: Mapping[str, str] | None = None, anonymous: bool = False
    ) -> Any:
        request = await self._request("GET", path, anonymous=anonymous, params=query)
        reply = await self._send(request, self._read_timeout)
        if reply.status in {301, 302, 303, 307, 308}:
            # Once, and on the same origin only: the key goes nowhere else.
            target = urljoin(str(request.url), reply.location)
            if _origin(target) == _origin(self.url):
                again = httpx.Request("GET", target, headers=request.headers)
                reply = await self._send(again, self._read_timeout)
        return self._unwrap(reply)

    async def _current(self) -> "Credential":
        newer = await self._stored_key() if self._stored_key else None
        if newer:
            return Credential.from_key(newer.key, "bearer")
        if self._credential is None:
            raise KeyMissing(
                f"There is no API key for {self.host}. Store one with restorebot key set."
            )
        return self._credential

    async def _request(
        self, method: str, path: str, *, anonymous: bool = False, **more: Any
    ) -> httpx.Request:
        headers = {"Accept": "application/json"} | dict(
            {} if anonymous else (await self._current()).header
        )
        return self._http.build_request(method, self.url + path, headers=headers, **more)

    async def _send(self, request: httpx.Request, seconds: float) -> Reply:
        try:
            async with asyncio.timeout(seconds):
                response = await self._http.send(request, stream=True)
                try:
                    body = await self._read(response)
                finally:
                    await response.aclose()
        except httpx.ConnectTimeout:
            raise PortalUnreachable(
                f"{self.host} could not be reached in time. Is it up?"
            ) from None
        except (
            httpx.ConnectError,
            httpx.PoolTimeout,
            httpx.UnsupportedProtocol,
            httpx.ProxyError,
        ) as error:
            raise PortalUnreachable(self._connect_error(error)) from None
        except (TimeoutError, httpx.TimeoutException):
            raise PortalTimeout(f"{self.host} did not answer within {seconds:g} seconds.") from None
        except httpx.HTTPError:
            raise PortalTimeout(
                f"{self.host} broke the connection before it had answered."
            ) from None
        finally:
            self._http.cookies.clear()
        return Reply(response.status_code, response.headers, body)

    async def _read(self, response: httpx.Response) -> bytes:
        body = b""
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._max_reply:
                size = self._max_reply // 2**20
                raise BadReply(
                    f"{self.host} sent more than {size} MiB; that is no answer of a DocSpace "
                    "portal."
                )
        return body

    def _unwrap(self, reply: Reply) -> Any:
        """A success's ``response`` member, None where it is missing.

        Raises the error that the reply stands for.
        """
        if not 200 <= reply.status < 300:
            raise error_for(reply, self.host)
        try:
            envelope = json.loads(reply.body)
        except (ValueError, RecursionError):
            raise BadReply(
                f"{self.host} did not answer in JSON; is DOCSPACE_URL a DocSpace portal?"
            ) from None
        if not isinstance(envelope, dict):
            raise BadReply(
                f"{self.host} answered in an unknown shape; is DOCSPACE_URL a DocSpace portal?"
            )
        return envelope.get("response")

    def _connect_error(self, error: httpx.HTTPError) -> str:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return (
                    f"{self.host} has a certificate that is not trusted "
                    f"({clean_text(cause.verify_message, 100)})."
                )
            if isinstance(cause, ssl.SSLError):
                return f"{self.host} does not speak TLS as expected."
            cause = cause.__cause__ or cause.__context__
        if any(
            sign in str(error)
            for sign in ("Name or service", "nodename", "getaddrinfo", "name resolution")
        ):
            return f"The name {self.host} is not known to DNS; check DOCSPACE_URL."
        return f"{self.host} refuses the connection. Is the portal up?"


def restore_body(source: Source, *, notify: bool) -> dict[str, Any]:
    """What ``startrestore`` is sent (docspace-api §2.4, §11)."""
    params = source.params
    if source.backup_id is not None:
        params = (("fileId", source.backup_id),)
    return {
        "backupId": source.backup_id or "",
        "storageType": source.storage_type,
        "storageParams": encode_params(params),
        "notify": notify,
    }


def backup_body(storage: Storage) -> dict[str, Any]:
    """What ``startbackup`` is sent (docspace-api §9)."""
    return {"storageType": storage.storage_type, "storageParams": encode_params(storage.params)}


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


@dataclass(frozen=True)
class Credential:
    """The header that a key is sent in, and whether the key is an API key rather than a cookie."""

    header: Mapping[str, str] = field(repr=False)
    is_api_key: bool

    @classmethod
    def from_key(cls, key: SecretStr, auth: Auth | None) -> "Credential":
        """Raises ValueError, without the value."""
        value = key.get_secret_value().strip()
        if not value or not value.isascii() or not value.isprintable():
            raise ValueError("the key has characters that no DocSpace key has")
        if auth == "bearer" or (auth is None and value.startswith("sk-")):
            return cls({"Authorization": f"Bearer {value}"}, value.startswith("sk-"))
        return cls(
            {"Cookie": f"asc_auth_key={value.removeprefix('asc_auth_key=')}"}, is_api_key=False
        )
