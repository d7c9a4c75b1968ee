"""The portal's JSON in every spelling of docspace-api; all else is a BadReply, never a crash."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restorebot.docspace import models
from restorebot.docspace.models import (
    BackupRecord,
    FileInfo,
    FolderInfo,
    KeyInfo,
    PortalInfo,
    Progress,
    clean_text,
    tenant_status_name,
)
from restorebot.errors import BadReply

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = [
    "id",
    "fileName",
    "storageType",
    "createdOn",
    "expiresOn",
    "isCompleted",
    "progress",
    "error",
    "status",
]
NAMES += [
    "taskId",
    "tenantStatus",
    "tenantAlias",
    "version",
    "name",
    "permissions",
    "expiresAt",
    "isActive",
]


@given(anything | st.dictionaries(st.sampled_from(NAMES), anything))
def test_whatever_a_portal_sends_is_a_model_or_a_bad_reply(value: Any) -> None:
    for model in (PortalInfo, BackupRecord, FileInfo, Progress, KeyInfo):
        with contextlib.suppress(BadReply):
            model.parse(value)


RECORD = {"id": "b1", "fileName": "a.tar.gz", "storageType": 5, "createdOn": "2026-01-02T03:04:05"}


@pytest.mark.parametrize("storage", [5, "5", "ThirdPartyConsumer", "thirdpartyconsumer", 5.0])
def test_an_enum_may_be_a_number_a_name_or_a_numeric_string(storage: Any) -> None:
    assert BackupRecord.parse(RECORD | {"storageType": storage}).storage_type == 5


@pytest.mark.parametrize(
    "time", ["2026-01-02T03:04:05", "2026-01-02T03:04:05Z", "2026-01-02T05:04:05.0000000+02:00"]
)
def test_a_time_without_a_zone_is_utc(time: str) -> None:
    assert BackupRecord.parse(RECORD | {"createdOn": time}).created_on == datetime(
        2026, 1, 2, 3, 4, 5, tzinfo=UTC
    )


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00", "0001-01-01T00:00:00Z", None, ""])
def test_the_year_one_means_that_a_backup_does_not_expire(time: str | None) -> None:
    assert BackupRecord.parse(RECORD | {"expiresOn": time}).expires_on is None


UNFIT: list[tuple[Callable[[Any], Any], Any, str]] = [
    (Progress.parse, [3], models.unknown_shape("progress")),
    (Progress.parse, {"progress": "half"}, models.unfit_member("progress", "progress", "number")),
    (
        BackupRecord.parse,
        RECORD | {"createdOn": "soon"},
        models.unfit_member("backup record", "createdOn", "time"),
    ),
    (BackupRecord.parse, RECORD | {"id": ""}, models.RECORD_INCOMPLETE),
    (FileInfo.parse, {"version": 2}, models.FILE_INCOMPLETE),
    (KeyInfo.parse, {"permissions": "*"}, models.PERMISSIONS_UNFIT),
]


@pytest.mark.parametrize(("parse", "value", "sentence"), UNFIT)
def test_what_does_not_fit_is_told_in_a_sentence(
    parse: Callable[[Any], Any], value: Any, sentence: str
) -> None:
    with pytest.raises(BadReply) as unfit:
        parse(value)
    assert str(unfit.value) == sentence


def test_what_the_portal_leaves_out_is_none_and_not_an_empty_text() -> None:
    progress = Progress.parse({"isCompleted": False, "error": "", "warning": None})
    assert (progress.error, progress.warning, progress.task_id) == (None, None, None)
    assert PortalInfo.parse({"tenantAlias": ""}).tenant_alias is None


def test_a_tenants_status_has_a_name_known_or_not() -> None:
    assert tenant_status_name(models.ACTIVE) == "active"
    assert tenant_status_name(4) == models.LOCKED_BY_RESTORE
    assert tenant_status_name(17) == "in status 17"


def test_names_may_be_in_pascal_case() -> None:
    assert Progress.parse({"IsCompleted": True, "Progress": "100", "TaskId": "t"}) == Progress(
        is_completed=True, progress=100, task_id="t"
    )


OUTCOMES: list[tuple[str, dict[str, Any], bool, bool]] = [
    ("3.7 completed", {"isCompleted": True, "progress": 100, "status": 2}, True, False),
    ("3.6 completed, no status", {"isCompleted": True, "progress": 100}, True, False),
    ("3.6 cancelled", {"isCompleted": True, "progress": 60}, False, True),
    ("cancelled", {"isCompleted": True, "progress": 100, "status": 3}, False, True),
    ("faulted", {"isCompleted": True, "progress": 100, "status": "Failted"}, False, True),
    ("error", {"isCompleted": True, "progress": 100, "error": "no"}, False, True),
    ("75 and standing", {"isCompleted": False, "progress": 75, "status": 1}, False, False),
    ("100 but not completed", {"isCompleted": False, "progress": 100, "status": 1}, False, False),
    ("status 2 alone", {"isCompleted": False, "progress": 0, "status": 2}, False, False),
    ("waiting", {"isCompleted": False, "progress": 0, "status": 0}, False, False),
]


@pytest.mark.parametrize(
    ("value", "succeeded", "failed"), [one[1:] for one in OUTCOMES], ids=[o[0] for o in OUTCOMES]
)
def test_only_completed_without_error_at_100_is_success(
    value: dict[str, Any], succeeded: bool, failed: bool
) -> None:
    progress = Progress.parse(value)
    assert (progress.succeeded, progress.failed) == (succeeded, failed)


@pytest.mark.parametrize(
    ("permissions", "may"),
    [([], True), (["*"], True), (["*:write"], True), (["*:read"], False), (["files:w"], False)],
)
def test_a_key_may_write_with_all_permissions_only(permissions: list[str], may: bool) -> None:
    assert KeyInfo.parse({"permissions": permissions}).may_write is may


@pytest.mark.parametrize(
    ("value", "may"),
    [
        ({"security": {"Create": True}}, True),
        ({"security": {"create": False}}, False),
        ({"security": {"Read": True}}, None),
        ({}, None),
    ],
)
def test_a_right_to_create_that_is_not_told_is_not_known(
    value: dict[str, Any], may: bool | None
) -> None:
    assert FolderInfo.parse(value).may_create is may


@pytest.mark.parametrize(
    ("error", "progress", "said"),
    [
        (f"{models.NO_CLOUD_KEYS}.", 0, models.CLOUD_KEYS_MISSING),
        (f"{models.NO_CLOUD_KEYS}.", 75, f"{models.NO_CLOUD_KEYS}."),
        ("The backup file is invalid.", 0, "The backup file is invalid."),
        (None, 0, ""),
    ],
)
def test_a_cloud_without_keys_is_said_in_words(error: str | None, progress: int, said: str) -> None:
    assert Progress(is_completed=True, progress=progress, error=error).said == said


@given(st.text(), st.integers(1, 400))
def test_text_from_outside_is_one_short_line_without_marks(text: str, limit: int) -> None:
    cleaned = clean_text(text, limit)
    assert len(cleaned) <= limit
    assert not set("\n\r\t\x00\x1b\u202e\u2066") & set(cleaned)
