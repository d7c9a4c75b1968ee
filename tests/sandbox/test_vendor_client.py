"""The local portal, spoken to by the vendor's own client.

Its thousand modules take some ten seconds to import, so the tests do that themselves.
"""

import asyncio

import pytest

from restorebot.docspace.storages import StorageType
from restorebot.sandbox.portal import Portal, create_app
from restorebot.sandbox.serve import serving

KEY = "sk-" + "cd34" * 16


@pytest.mark.slow
async def test_the_vendors_client_reads_the_history_starts_a_restore_and_follows_it() -> None:
    from docspace_api_sdk import ApiClient, Configuration
    from docspace_api_sdk.api.backup import backup_api
    from docspace_api_sdk.exceptions import ApiException
    from docspace_api_sdk.models.backup_restore_dto import BackupRestoreDto
    from docspace_api_sdk.models.backup_storage_type import BackupStorageType
    from docspace_api_sdk.models.item_key_value_pair_object_object import (
        ItemKeyValuePairObjectObject,
    )

    portal = Portal(key=KEY, manual=True)
    async with serving(create_app(portal)) as host:
        with_key = backup_api.BackupApi(ApiClient(Configuration(host=host, access_token=KEY)))
        anonymous = backup_api.BackupApi(ApiClient(Configuration(host=host)))
        history = await asyncio.to_thread(with_key.get_backup_history, dump=False)
        (record, *_) = history.response or []
        params = [ItemKeyValuePairObjectObject(key="fileId", value=str(record.id))]
        wanted = BackupRestoreDto(
            backupId=str(record.id),
            storageType=BackupStorageType(record.storage_type),
            storageParams=params,
            notify=False,
        )
        started = (await asyncio.to_thread(with_key.start_backup_restore, wanted)).response
        assert started
        assert not started.is_completed
        seen: list[int] = []
        for _ in range(25):
            shown = (await asyncio.to_thread(anonymous.get_restore_progress, dump=False)).response
            assert shown
            assert shown.task_id == started.task_id
            seen.append(shown.progress or 0)
            if shown.is_completed:
                break
            portal.clock.advance(1)
        assert seen == sorted(seen)
        assert seen[-1] == 100
        assert portal.state.starts[0]["backupId"] == str(record.id)
        with pytest.raises(ApiException) as refused:
            await asyncio.to_thread(with_key.get_backup_history, dump=False)
        assert refused.value.status == 401


@pytest.mark.slow
def test_the_storage_types_are_the_vendors() -> None:
    from docspace_api_sdk.models.backup_storage_type import BackupStorageType

    ours = {storage.facts.api_name: int(storage) for storage in StorageType}
    assert ours == {storage.name: storage.value for storage in BackupStorageType}
