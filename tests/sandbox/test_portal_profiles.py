"""The local portal as other deployments have it, and the bad manners that all of them share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from restorebot.sandbox.portal import Portal, create_app
from restorebot.sandbox.portal.models import CLOUD, LOCAL, NO_CLOUD_KEYS, UNKNOWN_STORAGE
from restorebot.sandbox.portal.profiles import PROFILES, profile_named
from restorebot.sandbox.serve import serving

KEY = "sk-" + "cd34" * 16
DEAD = {"Authorization": "Bearer sk-" + "00" * 32}
TLS = httpx.create_ssl_context()
ANYBODY = {"Authorization": ""}
PROBLEM = "application/problem+json"
DONE = 60.0
"""Seconds after which a restore is over."""


class Box:
    """A portal whose time stands still, and a client with the key."""

    def __init__(self, portal: Portal, http: httpx.AsyncClient) -> None:
        self.portal = portal
        self.http = http

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.http.get(f"/api/2.0/{path}", **more)

    async def shown(self, path: str, **more: Any) -> Any:
        """What a call that succeeds answers."""
        reply = await self.get(path, **more)
        assert reply.status_code == 200, reply.text
        return reply.json().get("response")

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.http.post(f"/api/2.0/backup/{path}", json=body)

    async def restore(self, **changes: Any) -> httpx.Response:
        body = {"backupId": self.portal.state.history[0].id, "storageType": CLOUD}
        return await self.post("startrestore", **body | changes)

    async def back_up(self, storage_type: int = CLOUD, **params: str) -> httpx.Response:
        listed = [{"key": key, "value": value} for key, value in params.items()]
        return await self.post("startbackup", storageType=storage_type, storageParams=listed)

    async def control(self, path: str, method: str = "POST", **body: Any) -> None:
        reply = await self.http.request(method, f"/_sandbox/{path}", json=body)
        assert reply.status_code == 200, reply.text

    async def names(self) -> set[str]:
        """The parts of the seeded names that the history still has."""
        listed = await self.shown("backup/getbackuphistory")
        return {row["fileName"].partition("_")[0] for row in listed}

    async def restored(self) -> None:
        """Let a restore succeed, and make a new key."""
        await self.restore()
        self.portal.clock.advance(DONE)
        reply = await self.http.post("/_sandbox/keys", json={})
        self.http.headers["Authorization"] = f"Bearer {reply.json()['key']}"


@asynccontextmanager
async def box_of(profile: str, **more: Any) -> AsyncIterator[Box]:
    portal = Portal(key=KEY, manual=True, profile=profile, **more)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        serving(create_app(portal)) as url,
        httpx.AsyncClient(base_url=url, headers=headers, verify=TLS) as http,
    ):
        yield Box(portal, http)


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with box_of("rabbitmq") as made:
        yield made


def test_a_profile_that_there_is_not_is_told_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="There is no profile windows"):
        profile_named("windows")


async def test_a_running_portal_changes_its_profile(box: Box) -> None:
    await box.control("profile", name="saas")
    assert (await box.shown("settings"))["standalone"] is False
    reply = await box.http.post("/_sandbox/profile", json={"name": "windows"})
    assert reply.status_code == 422
    assert "There is no profile windows" in reply.json()["error"]


# What differs
# ------------


@pytest.mark.parametrize(("profile", "status"), [("rabbitmq", 0), ("in-process", 1)])
async def test_a_task_runs_before_its_start_is_answered_where_there_is_no_queue(
    profile: str, status: int
) -> None:
    async with box_of(profile) as box:
        for reply in (await box.restore(), await box.back_up()):
            assert reply.json()["response"]["status"] == status
            assert reply.json()["response"]["progress"] == 0


@pytest.mark.parametrize(("profile", "kept"), [("rabbitmq", True), ("in-process", False)])
async def test_a_restart_loses_the_queue_in_memory_and_never_the_lock(
    profile: str, kept: bool
) -> None:
    async with box_of(profile) as box:
        await box.restore()
        box.portal.clock.advance(10)
        await box.control("restart")
        shown = await box.shown("backup/getrestoreprogress?dump=false", headers=ANYBODY)
        assert (shown is not None) == kept
        assert (await box.shown("settings", headers=ANYBODY))["tenantStatus"] == 4


async def test_the_first_version_names_no_task_and_knows_no_new_routes() -> None:
    async with box_of("3.0") as box:
        assert "response" not in (await box.restore()).json()
        progress = await box.shown("backup/getrestoreprogress", headers=ANYBODY)
        assert not {"taskId", "status"} & set(progress)
        for path in ("keys/@self", "backup/getbackupscount", "backup/getservicestate"):
            reply = await box.get(path)
            assert (reply.status_code, reply.content) == (404, b"")
        assert (await box.post("cancelbackup")).status_code == 404


async def test_the_sawtooth_falls_back() -> None:
    async with box_of("sawtooth") as box:
        await box.restore()
        seen = []
        for _ in range(16):
            box.portal.clock.advance(1)
            progress = await box.shown("backup/getrestoreprogress", headers=ANYBODY)
            seen.append(progress["progress"])
        assert seen != sorted(seen)


async def test_the_vendors_cloud_keeps_nothing_on_its_disks_and_makes_no_dumps() -> None:
    async with box_of("saas") as box:
        reply = await box.back_up(LOCAL, filePath="/backups")
        assert reply.status_code == 500
        assert reply.json()["error"]["message"] == "Access denied"
        dump = await box.post("startbackup", storageType=CLOUD, dump=True)
        assert dump.status_code == 403
    async with box_of("rabbitmq") as box:
        assert (await box.back_up(LOCAL, filePath="/backups")).status_code == 200


async def test_the_vendors_cloud_tells_what_a_backup_would_cost() -> None:
    async with box_of("saas") as box:
        assert await box.shown("backup/getbackupscount") == len(box.portal.state.history)
        assert await box.shown("backup/getservicestate") == {"enabled": True}
        await box.control("faults", "PATCH", free_backups_used=True)
        assert await box.shown("backup/getservicestate") == {"enabled": False}
        assert (await box.back_up()).status_code == 402


@pytest.mark.parametrize(("profile", "kept"), [("rabbitmq", True), ("saas", False)])
async def test_cloud_keys_that_are_younger_than_the_backup_are_lost_in_the_vendors_cloud(
    profile: str, kept: bool
) -> None:
    async with box_of(profile) as box:
        await box.control("faults", "PATCH", cloud_keys_younger=True)
        await box.restored()
        assert ("acme-nightly" in await box.names()) == kept
        await box.control("faults", "PATCH", cloud_keys_missing=False)
        assert ("acme-nightly" in await box.names()) == kept


async def test_a_proxy_answers_in_pages_where_the_portal_does_not() -> None:
    async with box_of("behind-a-proxy") as box:
        await box.control("faults", "PATCH", on="startrestore", fault="html_504")
        reply = await box.restore()
        assert (reply.status_code, reply.headers["content-type"]) == (
            504,
            "text/html; charset=utf-8",
        )
        assert len(box.portal.state.starts) == 1
        await box.control("faults", "PATCH", away=30)
        reply = await box.get("settings")
        assert reply.status_code == 502
        assert "<html>" in reply.text


# What all do
# -----------


@pytest.mark.parametrize("profile", PROFILES)
async def test_credentials_come_first_then_the_lock_then_payment_then_the_address(
    profile: str,
) -> None:
    async with box_of(profile) as box:
        await box.control("faults", "PATCH", ip_refused=True)
        assert (await box.get("backup/getbackuphistory")).status_code == 403
        await box.control("faults", "PATCH", unpaid=True)
        assert (await box.get("backup/getbackuphistory")).status_code == 402
        await box.control("faults", "PATCH", tenant_status=4)
        locked = await box.get("backup/getbackuphistory")
        assert (locked.status_code, locked.headers["content-type"]) == (403, PROBLEM)
        dead = await box.get("backup/getbackuphistory", headers=DEAD)
        assert (dead.status_code, dead.content) == (401, b"")


async def test_an_unpaid_portal_does_not_show_a_key(box: Box) -> None:
    await box.control("faults", "PATCH", unpaid=True)
    assert (await box.get("keys/@self")).status_code == 402


async def test_an_address_is_refused_to_keys_alone_and_never_to_the_owners(box: Box) -> None:
    await box.control("faults", "PATCH", ip_refused=True)
    refused = await box.get("backup/getbackuphistory")
    assert refused.status_code == 403
    assert isinstance(refused.json(), str)
    for path in ("settings", "backup/getrestoreprogress"):
        assert (await box.get(path, headers=ANYBODY)).status_code == 200
        assert (await box.get(path)).status_code == 403
    await box.control("keys", "PATCH", owner=True)
    assert (await box.get("backup/getbackuphistory")).status_code == 200


async def test_a_host_without_a_portal_is_404_to_nobody_and_500_to_a_key(box: Box) -> None:
    await box.control("faults", "PATCH", host_lost=3600)
    await box.restore()
    box.portal.clock.advance(DONE)
    assert (await box.get("settings", headers=ANYBODY)).status_code == 404
    reply = await box.get("backup/getbackuphistory")
    assert reply.status_code == 500
    assert reply.json()["error"]["type"] == "System.Exception"


async def test_too_many_questions_are_refused_without_a_time(box: Box) -> None:
    await box.control("faults", "PATCH", rate_limited=1)
    reply = await box.get("settings")
    assert (reply.status_code, reply.content) == (429, b"")
    assert "retry-after" not in reply.headers
    assert reply.headers["x-ratelimit-remaining"] == "0"


@pytest.mark.parametrize("path", ["files/file/4711", "files/folder/7"])
async def test_the_files_are_open_to_nobody_and_so_a_dead_key_is_a_problem(path: str) -> None:
    async with box_of("rabbitmq") as box:
        reply = await box.get(path, headers=DEAD)
        assert (reply.status_code, reply.headers["content-type"]) == (403, PROBLEM)
        visitor = await box.get(path, headers=ANYBODY)
        assert (visitor.status_code, "error" in visitor.json()) == (403, True)
    async with box_of("sawtooth") as box:
        older = await box.get(path, headers=DEAD)
        assert (older.status_code, "error" in older.json()) == (403, True)


@pytest.mark.parametrize("folder", [{"create": False}, {"rootFolderType": 20}])
async def test_a_room_file_needs_the_right_to_create_beside_it(
    box: Box, folder: dict[str, Any]
) -> None:
    wanted = {
        "backupId": "",
        "storageType": 0,
        "storageParams": [{"key": "filePath", "value": "4711"}],
    }
    await box.control("folders", "PATCH", **{"7": folder})
    assert (await box.shown("files/file/4711"))["folderId"] == 7
    shown = await box.shown("files/folder/7")
    assert shown["security"]["Create"] == folder.get("create", True)
    assert shown["rootFolderType"] == folder.get("rootFolderType", 14)
    refused = await box.post("startrestore", **wanted)
    assert refused.status_code == 403
    assert refused.json()["error"]["message"] == "Access denied"
    await box.control("folders", "PATCH", **{"7": {}})
    assert (await box.post("startrestore", **wanted)).status_code == 200


async def test_the_history_forgets_what_is_in_another_bucket_than_the_first(box: Box) -> None:
    await box.control("backups", fileName="elsewhere_1.tar.gz", storageType=CLOUD, bucket="b")
    before = await box.names()
    assert "elsewhere" not in before
    assert {"acme-weekly", "acme-nightly"} <= before


async def test_the_history_forgets_clouds_without_keys_for_good(box: Box) -> None:
    await box.control("faults", "PATCH", cloud_keys_missing=True)
    assert "acme-nightly" not in await box.names()
    await box.control("faults", "DELETE")
    assert "acme-nightly" not in await box.names()


async def test_the_history_forgets_a_disk_that_the_worker_alone_sees(box: Box) -> None:
    await box.control("backups", fileName="disk_1.tar.gz", storageType=LOCAL)
    assert "disk" in await box.names()
    await box.control("faults", "PATCH", disk_apart=True)
    assert "disk" not in await box.names()


async def test_after_a_success_rows_vanish_when_they_are_looked_for(box: Box) -> None:
    await box.control("backups", fileName="disk_1.tar.gz", storageType=LOCAL)
    await box.control("backups", fileName="provider_1.tar.gz", storageType=1)
    await box.restored()
    assert len(box.portal.state.history) == 7
    assert await box.names() == {"acme-weekly", "acme-nightly", "disk"}
    assert len(box.portal.state.history) == 3


async def test_a_cloud_without_keys_fails_in_the_worker_without_a_word_of_it(box: Box) -> None:
    await box.restore(backupId="", storageParams=path_in("selectel"))
    box.portal.clock.advance(10)
    progress = await box.shown("backup/getrestoreprogress", headers=ANYBODY)
    assert (progress["error"], progress["progress"]) == (NO_CLOUD_KEYS, 0)


def path_in(module: str) -> list[dict[str, str]]:
    return [{"key": "module", "value": module}, {"key": "filePath", "value": "a.tar.gz"}]


async def test_a_local_portal_has_the_alias_localhost() -> None:
    async with box_of("rabbitmq", alias="localhost") as box:
        assert (await box.shown("settings"))["tenantAlias"] == "localhost"


@pytest.mark.parametrize(("fault", "status"), [("cancelled", 3), ("faulted", 4)])
async def test_what_is_cancelled_or_broken_off_is_completed_too(
    box: Box, fault: str, status: int
) -> None:
    await box.control("faults", "PATCH", **{fault: True})
    await box.restore()
    box.portal.clock.advance(DONE)
    progress = await box.shown("backup/getrestoreprogress", headers=ANYBODY)
    assert (progress["status"], progress["isCompleted"]) == (status, True)
    assert progress["progress"] < 100


async def test_a_busy_address_leaves_the_portal_under_another_name(box: Box) -> None:
    await box.control("faults", "PATCH", address_busy=True)
    await box.restore()
    box.portal.clock.advance(DONE)
    progress = await box.shown("backup/getrestoreprogress", headers=ANYBODY)
    assert progress["error"] == "Address busy."
    assert (await box.shown("settings"))["tenantAlias"] == "acme_deleted"


# Small things
# ------------


@pytest.mark.parametrize(("status", "code"), [(1, 200), (2, 404)])
async def test_a_suspended_portal_shows_its_settings_and_a_removed_one_nothing(
    box: Box, status: int, code: int
) -> None:
    await box.control("faults", "PATCH", tenant_status=status)
    reply = await box.get("settings", headers=ANYBODY)
    assert reply.status_code == code
    assert (await box.get("backup/getbackuphistory")).status_code == 404


async def test_any_number_is_a_storage_until_the_worker_looks(box: Box) -> None:
    params = [{"key": "filePath", "value": "a"}]
    reply = await box.restore(backupId="", storageType=9, storageParams=params)
    assert reply.status_code == 200
    box.portal.clock.advance(10)
    progress = await box.shown("backup/getrestoreprogress", headers=ANYBODY)
    assert progress["error"] == UNKNOWN_STORAGE


async def test_validation_is_a_wrapped_problem(box: Box) -> None:
    reply = await box.restore(storageType="cellar")
    assert (reply.status_code, reply.headers["content-type"]) == (400, PROBLEM)
    assert reply.json()["statusCode"] == 400


async def test_links_keep_the_query(box: Box) -> None:
    reply = await box.get("backup/getbackuphistory?dump=false")
    assert reply.json()["links"][0]["href"].endswith("getbackuphistory?dump=false")


async def test_a_file_that_there_is_not_is_an_item(box: Box) -> None:
    reply = await box.get("files/file/1")
    assert reply.status_code == 404
    assert reply.json()["error"]["type"] == "ASC.Common.Web.ItemNotFoundException"


async def test_a_route_that_there_is_not_is_404_without_a_body(box: Box) -> None:
    reply = await box.get("backup/nowhere")
    assert (reply.status_code, reply.content) == (404, b"")


async def test_a_cancelled_backup_stays_to_be_seen(box: Box) -> None:
    nothing = await box.post("cancelbackup")
    assert nothing.json()["response"] is False
    await box.back_up()
    assert (await box.post("cancelbackup")).json()["response"] is True
    progress = await box.shown("backup/getbackupprogress")
    assert (progress["status"], progress["warning"]) == (3, "Backup cancelled")
    assert progress["isCompleted"]


@pytest.mark.parametrize(
    ("folder", "fault", "status"),
    [
        (None, {}, 404),
        ({"create": False}, {}, 403),
        ({}, {"room_quota_used": True}, 402),
        ({}, {}, 200),
    ],
)
async def test_a_backup_to_a_room_looks_at_the_room(
    box: Box, folder: dict[str, Any] | None, fault: dict[str, bool], status: int
) -> None:
    await box.control("folders", "PATCH", **{"7": folder})
    await box.control("faults", "PATCH", **fault)
    assert (await box.back_up(0, folderId="7")).status_code == status


async def test_the_plan_says_where_the_portals_own_backups_go(box: Box) -> None:
    assert await box.shown("backup/getbackupschedule") is None
    place = {"module": "s3", "bucket": "nightly"}
    await box.control("schedule", storageType=CLOUD, storageParams=place)
    shown = await box.shown("backup/getbackupschedule")
    assert (shown["storageType"], shown["storageParams"]) == (CLOUD, place)
