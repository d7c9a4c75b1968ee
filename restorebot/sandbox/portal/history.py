"""What a portal forgets when it lists its backups: each row whose file it does not find.

It looks in the wrong place at times, and a row that is forgotten stays so (docspace-api §6).
"""

from collections.abc import Sequence

from restorebot.sandbox.portal.models import (
    CLOUD,
    DATA_STORE,
    DOCUMENTS,
    LOCAL,
    THIRD_PARTY,
    BackupRecord,
)

BOUND_TO_TENANT = frozenset({DOCUMENTS, THIRD_PARTY, DATA_STORE})
"""Storage types whose files are not found any more by the tenant that a restore makes."""


def still_found(
    history: Sequence[BackupRecord], *, has_cloud_keys: bool, sees_disk: bool
) -> list[BackupRecord]:
    """Return the rows that a portal keeps when it lists its backups."""
    places = [record.place for record in history if record.storage_type == CLOUD]
    kept = []
    for record in history:
        found = not record.is_left_behind
        if record.storage_type == CLOUD:
            # The first cloud row's bucket is opened for all of them.
            found = has_cloud_keys and record.place == places[0]
        elif record.storage_type == LOCAL:
            found = sees_disk
        if found:
            kept.append(record)
    return kept
