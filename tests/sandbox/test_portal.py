"""The local portal, spoken to by rude clients: docspace-api §1 to §6, line by line."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from restorebot.sandbox.portal import Portal, create_app
from restorebot.sandbox.serve import serving

KEY = "sk-" + "cd34" * 16
TLS = httpx.create_ssl_context()
BACKUP = "/api/2.0/backup/"


@dataclass
class Box:
    """A portal whose time stands still, and a client with the key."""

    portal: Portal
    http: httpx.AsyncClient

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.http.get(BACKUP + path, **more)

    async def start(self, **changes: Any) -> httpx.Response:
        backup = self.portal.state.history[0]
        params = [{"key": "fileId", "value": backup.id}]
        body = {
            "backupId": backup.id,
            "storageType": backup.storage_type,
            "storageParams": params,
            "notify": False,
        }
        return await self.http.post(BACKUP + "startrestore", json=body | changes)

    async def progress(self) -> dict[str, Any]:
        reply = await self.http.get(
            BACKUP + "getrestoreprogress?dump=false", headers={"Authorization": ""}
        )
        return dict(reply.json().get("response") or {})


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    portal = Portal(key=KEY, manual=True)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        serving(create_app(portal)) as url,
        httpx.AsyncClient(base_url=url, headers=headers, verify=TLS) as http,
    ):
        yield Box(portal, http)


async def test_success_is_wrapped_and_null_is_left_out(box: Box) -> None:
    listed = (await box.get("getbackuphistory")).json()
    assert {"response", "count", "links", "status", "statusCode"} == set(listed)
    nothing = (await box.get("getrestoreprogress")).json()
    assert "response" not in nothing
    assert nothing["count"] == 0


async def test_a_second_start_answers_with_the_first_task(box: Box) -> None:
    first = (await box.start()).json()["response"]["taskId"]
    box.portal.clock.advance(3)
    assert (await box.start()).json()["response"]["taskId"] == first
    box.portal.clock.advance(60)
    assert (await box.progress())["taskId"] == first


async def test_yesterdays_hundred_percent_stays_on_show_until_the_next_start(box: Box) -> None:
    old = box.portal.state.show_finished_task()
    shown = await box.progress()
    assert (shown["taskId"], shown["progress"], shown["isCompleted"]) == (old.id, 100, True)
    new = (await box.start()).json()["response"]
    assert new["taskId"] != old.id
    assert new["progress"] == 0


async def test_without_dump_a_dump_task_comes_first(box: Box) -> None:
    dump = box.portal.state.show_finished_task(dump=True)
    await box.start()
    assert (await box.get("getrestoreprogress")).json()["response"]["taskId"] == dump.id
    assert (await box.progress())["taskId"] != dump.id


async def test_while_data_goes_in_only_a_few_routes_answer(box: Box) -> None:
    await box.start()
    box.portal.clock.advance(10)
    refused = await box.get("getbackuphistory")
    assert refused.status_code == 403
    assert refused.headers["content-type"].startswith("application/problem+json")
    settings = (await box.http.get("/api/2.0/settings", headers={"Authorization": ""})).json()[
        "response"
    ]
    assert settings["tenantStatus"] == 4
    assert (await box.progress())["progress"] > 0


async def test_at_the_moment_of_success_the_key_dies_and_polls_with_it_are_refused(
    box: Box,
) -> None:
    await box.start()
    box.portal.clock.advance(60)
    assert (await box.progress())["isCompleted"]
    assert (await box.get("getbackuphistory")).status_code == 401
    assert (await box.get("getrestoreprogress")).status_code == 403


REQUESTS: list[tuple[str, dict[str, Any], int, str]] = [
    ("a name as storageType", {"storageType": "ThirdPartyConsumer"}, 200, ""),
    ("a numeric string", {"storageType": "5"}, 200, ""),
    ("an unknown storage", {"storageType": 9}, 200, ""),
    ("no storage", {"storageType": "cellar"}, 400, "validation errors"),
    ("a dump", {"dump": True}, 403, "Access denied"),
    (
        "an unknown backup",
        {"backupId": "3c0f8f0a-7a6b-4f2e-9a51-0d7a4a1f6b11"},
        404,
        "Unable to find",
    ),
    ("no GUID and no path", {"backupId": "newest"}, 500, "filePath"),
    ("a parameter twice", {"storageParams": [{"key": "a", "value": "1"}] * 2}, 400, "same key"),
    ("a parameter without value", {"storageParams": [{"key": "a"}]}, 500, "NullReference"),
]


@pytest.mark.parametrize(
    ("changes", "status", "said"), [one[1:] for one in REQUESTS], ids=[one[0] for one in REQUESTS]
)
async def test_a_start_is_read_as_the_portal_reads_it(
    box: Box, changes: dict[str, Any], status: int, said: str
) -> None:
    reply = await box.start(**changes)
    assert reply.status_code == status
    assert said in reply.text
    assert len(box.portal.state.starts) == (1 if status == 200 else 0)


KEYS: list[tuple[str, dict[str, Any], str, int]] = [
    ("read-only reads", {"permissions": ["*:read"]}, "GET", 200),
    ("read-only starts nothing", {"permissions": ["*:read"]}, "POST", 403),
    ("another scope reads nothing", {"permissions": ["files:read"]}, "GET", 403),
    ("no administrator", {"admin": False}, "GET", 403),
    ("switched off", {"is_active": False}, "GET", 401),
]


@pytest.mark.parametrize(
    ("changes", "method", "status"), [one[1:] for one in KEYS], ids=[one[0] for one in KEYS]
)
async def test_a_keys_rights_are_checked(
    box: Box, changes: dict[str, Any], method: str, status: int
) -> None:
    for name, value in changes.items():
        setattr(box.portal.state.keys[0], name, value)
    reply = await box.get("getbackuphistory") if method == "GET" else await box.start()
    assert reply.status_code == status


@pytest.mark.parametrize("profile", ["3.0", "3.1", "3.6.1", "3.7.2"])
async def test_each_version_shows_its_own_shape(profile: str) -> None:
    portal = Portal(key=KEY, manual=True, profile=profile)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        serving(create_app(portal)) as url,
        httpx.AsyncClient(base_url=url, headers=headers, verify=TLS) as http,
    ):
        box = Box(portal, http)
        reply = (await box.start()).json()
        assert ("response" in reply) == (profile >= "3.1")
        shown = await box.progress()
        assert ("taskId" in shown) == (profile >= "3.1")
        assert ("status" in shown) == (profile >= "3.7")


WRONG: list[tuple[str, str, str, int, str]] = [
    ("GET", "nowhere", "", 404, "There is no /_sandbox/nowhere."),
    ("DELETE", "state", "", 405, "/_sandbox/state takes GET, not DELETE."),
    ("POST", "speed", "{", 400, "The body is not JSON."),
    ("POST", "speed", "[]", 400, "The body is not a JSON object."),
    ("POST", "speed", "{}", 400, "The member 'speed' is missing."),
    ("POST", "advance", '{"seconds": -1}', 400, "The member 'seconds' is wrong:"),
    ("PATCH", "faults", '{"no_such": 1}', 400, "There is no member 'no_such' here."),
    ("PATCH", "faults", '{"archive_broken": 1}', 400, "The member 'archive_broken' is wrong:"),
    ("PATCH", "faults", '{"on": "x", "fault": "y"}', 400, "The member 'fault' is wrong:"),
    ("PATCH", "keys", '{"colour": "red"}', 400, "There is no member 'colour' here."),
    ("PATCH", "keys", '{"expires_at": "soon"}', 400, "The member 'expires_at' is wrong:"),
    ("POST", "backups", '{"storageType": "5"}', 400, "The member 'storageType' is wrong:"),
    ("PATCH", "files", '{"1": {"size": 2}}', 400, "There is no member '1.size' here."),
    ("POST", "repair", '{"now": true}', 400, "There is no member 'now' here."),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "sentence"), WRONG)
async def test_a_wrong_request_to_the_control_interface_is_told_what_is_wrong(
    box: Box, method: str, path: str, body: str, status: int, sentence: str
) -> None:
    reply = await box.http.request(method, f"/_sandbox/{path}", content=body)
    assert reply.status_code == status
    assert reply.json()["error"].startswith(sentence)
    assert reply.json()["error"].endswith(".")
