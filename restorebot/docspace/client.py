"""One portal's HTTP API: typed answers, typed errors, and one POST that is never repeated.

Routes, bodies and answers are those of docspace-api.
"""

import asyncio
import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import httpx
from pydantic import SecretStr

from restorebot.docspace.credential import Auth, Credential
from restorebot.docspace.models import (
    BackupRecord,
    FileInfo,
    FolderInfo,
    KeyInfo,
    PortalInfo,
    Progress,
    clean_text,
)
from restorebot.docspace.replies import Reply, error_for
from restorebot.docspace.sentences import NO_HINTS, Sentences, SetupHints
from restorebot.docspace.storages import Storage, StorageType, encode_params
from restorebot.errors import (
    AccessDenied,
    BadReply,
    KeyMissing,
    KeyRejected,
    KeyUnusable,
    PortalLocked,
    PortalNotFound,
    PortalTimeout,
    PortalUnreachable,
)
from restorebot.model import Source

BACKUP = "/api/2.0/backup/"
START_RESTORE = BACKUP + "startrestore"
START_BACKUP = BACKUP + "startbackup"
CANCEL_BACKUP = BACKUP + "cancelbackup"
SETTINGS = "/api/2.0/settings"
KEY = "/api/2.0/keys/@self"
FILES = "/api/2.0/files/file/"
FOLDERS = "/api/2.0/files/folder/"

MEBIBYTE = 2**20

REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long a portal may take, in seconds for a whole call, and how much of a reply is read."""

    connect_timeout: float = 3.0
    read_timeout: float = 30.0
    start_timeout: float = 90.0
    """For the two POSTs: without their answer it is not known what they did."""
    max_reply: int = 4 * MEBIBYTE
    """In bytes; 3,000 backups are about half a mebibyte."""


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class ApiKeyInUse:
    """An API key that was stored after the settings were written, and when."""

    key: SecretStr
    stored_at: datetime


@cache
def ssl_context() -> ssl.SSLContext:
    """Return the one context for all portals; making one costs tens of milliseconds."""
    return httpx.create_ssl_context()


class DocSpace:
    """A portal.

    ``stored_key_source`` is asked before each call with a key, and comes before ``key``. ``hints``
    are the words in which errors tell how to mend the address and the key.
    """

    def __init__(
        self,
        url: str,
        key: SecretStr | None,
        *,
        ssl_context: ssl.SSLContext,
        auth: Auth | None = None,
        stored_key_source: Callable[[], Awaitable[ApiKeyInUse | None]] | None = None,
        limits: Limits = DEFAULT_LIMITS,
        hints: SetupHints = NO_HINTS,
    ) -> None:
        self.url = url.rstrip("/")
        self.host = urlsplit(self.url).netloc
        self.hints = hints
        self._say = Sentences(self.host, hints)
        self._credential: Credential | None = None
        if key is not None:
            self._credential = Credential.from_key(key, auth)
        self._stored_key = stored_key_source
        self._limits = limits
        timeout = httpx.Timeout(
            limits.start_timeout, connect=limits.connect_timeout, pool=limits.connect_timeout
        )
        # No jar: a cookie that the portal sets must not come back on the anonymous routes.
        self._http = httpx.AsyncClient(
            verify=ssl_context, timeout=timeout, follow_redirects=False, trust_env=True
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def settings(self) -> PortalInfo:
        """Return what the portal says of itself.

        Anonymous: a dead key would turn the answer into a 403.
        """
        return PortalInfo.parse(await self._get(SETTINGS, anonymous=True))

    async def key_info(self) -> KeyInfo | None:
        """Return the API key's rights; None where they cannot be asked.

        That is: of portals before 3.1, and of cookies (docspace-api §E).
        """
        if not (await self._current()).is_api_key:
            return None
        try:
            return KeyInfo.parse(await self._get(KEY))
        except PortalNotFound:
            return None

    async def history(self) -> list[BackupRecord]:
        """Return this portal's backups, newest first.

        Reading it makes the portal look for every file: not to be polled.
        """
        records = await self._get(BACKUP + "getbackuphistory", query={"dump": "false"})
        if not isinstance(records or [], list):
            raise BadReply(self._say.history_unfit())
        parsed = [BackupRecord.parse(record) for record in records or []]
        return sorted(parsed, key=lambda record: record.created_on, reverse=True)

    async def file(self, file_id: str) -> FileInfo:
        """Return a file in a room.

        Raise PortalNotFound when there is none, or the key's owner may not see it.
        """
        return FileInfo.parse(await self._get_open_to_anybody(FILES, file_id))

    async def folder(self, folder_id: str) -> FolderInfo:
        """Return what the key's owner may do in a folder of a room.

        Raise PortalNotFound when there is none, or the key's owner may not see it.
        """
        return FolderInfo.parse(await self._get_open_to_anybody(FOLDERS, folder_id))

    async def backup_progress(self) -> Progress | None:
        """Return the portal's backup task; None when it knows of none."""
        reply = await self._get(BACKUP + "getbackupprogress", query={"dump": "false"})
        return _progress(reply)

    async def restore_progress(self) -> Progress | None:
        """Return the portal's restore task; None when it knows of none.

        Anonymous, because the key dies at the moment of success; with ``dump=false``, because
        without it yesterday's dump task can mask ours (docspace-api §4.1).
        """
        reply = await self._get(
            BACKUP + "getrestoreprogress", query={"dump": "false"}, anonymous=True
        )
        return _progress(reply)

    async def start_restore(self, source: Source, *, notify: bool) -> Progress | None:
        """Send the one POST; return its task, or None when the portal took it without naming one.

        Never retried, never redirected. A PortalError with ``sent`` leaves open whether the restore
        runs.
        """
        try:
            return await self._post(START_RESTORE, restore_body(source, notify=notify))
        except AccessDenied:
            if source.backup_id is None and source.storage_type == StorageType.DOCUMENTS:
                raise AccessDenied(self._say.room_closed(), status=403) from None
            raise

    async def start_backup(self, storage: Storage) -> Progress | None:
        """Ask for a backup; return its task, or None when the portal took it without naming one.

        Never retried. While a backup runs, the portal answers with that one (docspace-api §9).
        """
        return await self._post(START_BACKUP, backup_body(storage))

    async def cancel_backup(self) -> bool:
        """Cancel whatever backup the portal has; return whether it had any.

        Never retried. Portals before 3.7 cannot: PortalNotFound (docspace-api §9).
        """
        request = await self._request("POST", CANCEL_BACKUP)
        return self._unwrap(await self._send(request, self._limits.start_timeout)) is True

    async def key_still_works(self, since: datetime) -> bool | None:
        """Return whether the key still opens anything: after a completed restore it must not.

        None when another key has been stored since that time, for then the old one cannot be asked
        any more.
        """
        if await self.has_key_since(since):
            return None
        try:
            if await self.key_info() is None:
                await self.history()
        except KeyUnusable:
            return False
        return True

    async def has_key_since(self, since: datetime) -> bool:
        """Return whether another key has been stored since that time."""
        newer = await self._newer_key()
        return newer is not None and newer.stored_at >= since

    async def _get(
        self, path: str, *, query: Mapping[str, str] | None = None, anonymous: bool = False
    ) -> Any:
        request = await self._request("GET", path, anonymous=anonymous, params=query)
        reply = await self._send(request, self._limits.read_timeout)
        if reply.status in REDIRECTS and reply.location is not None:
            # Once, and on the same origin only: the key goes nowhere else.
            target = urljoin(str(request.url), reply.location)
            if _origin(target) == _origin(self.url):
                again = httpx.Request("GET", target, headers=request.headers)
                reply = await self._send(again, self._limits.read_timeout)
        return self._unwrap(reply)

    async def _get_open_to_anybody(self, path: str, name: str) -> Any:
        """Get something that could be asked for without a key.

        There 403 problem+json is said of a locked portal, and of a key that is dead or too narrow
        (docspace-api §1.2).
        """
        try:
            return await self._get(f"{path}{quote(name, safe='')}")
        except PortalLocked:
            if (await self.settings()).is_locked:
                raise
        raise KeyRejected(self._say.key_refused_where_anybody_may_ask(), status=403)

    async def _post(self, path: str, body: Mapping[str, Any]) -> Progress | None:
        request = await self._request("POST", path, json=body)
        return _progress(self._unwrap(await self._send(request, self._limits.start_timeout)))

    async def _newer_key(self) -> ApiKeyInUse | None:
        if self._stored_key is None:
            return None
        return await self._stored_key()

    async def _current(self) -> Credential:
        newer = await self._newer_key()
        if newer is not None:
            return Credential.from_key(newer.key, "bearer")
        if self._credential is None:
            raise KeyMissing(self._say.key_missing())
        return self._credential

    async def _request(
        self, method: str, path: str, *, anonymous: bool = False, **more: Any
    ) -> httpx.Request:
        headers = {"Accept": "application/json"}
        if not anonymous:
            headers |= (await self._current()).header
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
            raise PortalUnreachable(self._say.unreachable_in_time()) from None
        except (
            httpx.ConnectError,
            httpx.PoolTimeout,
            httpx.UnsupportedProtocol,
            httpx.ProxyError,
        ) as error:
            raise PortalUnreachable(self._connect_error(error)) from None
        except (TimeoutError, httpx.TimeoutException):
            raise PortalTimeout(self._say.no_answer_within(seconds)) from None
        except httpx.HTTPError:
            raise PortalTimeout(self._say.broke_connection()) from None
        finally:
            self._http.cookies.clear()
        return Reply(response.status_code, response.headers, body)

    async def _read(self, response: httpx.Response) -> bytes:
        body = b""
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._limits.max_reply:
                raise BadReply(self._say.too_large(self._limits.max_reply // MEBIBYTE))
        return body

    def _unwrap(self, reply: Reply) -> Any:
        """Return a success's ``response`` member; None where it is missing.

        Raise the error that the reply stands for.
        """
        if not reply.is_success:
            raise error_for(reply, self._say)
        try:
            envelope = json.loads(reply.body)
        except (ValueError, RecursionError):
            raise BadReply(self._say.not_json()) from None
        if not isinstance(envelope, dict):
            raise BadReply(self._say.unknown_shape())
        return envelope.get("response")

    def _connect_error(self, error: httpx.HTTPError) -> str:
        for cause in _causes(error):
            if isinstance(cause, ssl.SSLCertVerificationError):
                return self._say.untrusted_certificate(clean_text(cause.verify_message, 100))
            if isinstance(cause, ssl.SSLError):
                return self._say.no_tls()
            if isinstance(cause, socket.gaierror):
                return self._name_error(cause)
        return self._say.refuses_connection()

    def _name_error(self, error: socket.gaierror) -> str:
        if error.errno == socket.EAI_AGAIN:
            return self._say.silent_dns()
        return self._say.unknown_name()


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it came from, one after the other."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _progress(response: Any) -> Progress | None:
    if response is None:
        return None
    return Progress.parse(response)


def restore_body(source: Source, *, notify: bool) -> dict[str, Any]:
    """Return what ``startrestore`` is sent (docspace-api §2.4, §11)."""
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
    """Return what ``startbackup`` is sent (docspace-api §9)."""
    return {"storageType": storage.storage_type, "storageParams": encode_params(storage.params)}


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
