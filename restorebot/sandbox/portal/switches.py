"""Faults of the portal that are switched on and off: of the whole of it, or of one route."""

from typing import Literal

from restorebot.sandbox.control import Body


class Switches(Body):
    """Faults of the portal as a whole, and what each is while off.

    ``cloud_keys_younger`` is of the vendor's cloud: the backup that is restored lacks the keys.
    ``slow``, ``away``, ``host_lost`` and ``backup_takes`` (instead of ten) are in seconds,
    ``rate_limited`` is how many requests are refused.
    """

    archive_broken: bool = False
    broken_while_loading: bool = False
    cancelled: bool = False
    faulted: bool = False
    worker_down: bool = False
    worker_killed: bool = False
    stall_at_75: bool = False
    key_survives: bool = False
    alias_elsewhere: str | None = None
    host_lost: float = 0
    locked_after_failure: bool = False
    address_busy: bool = False
    cloud_keys_missing: bool = False
    cloud_keys_younger: bool = False
    disk_apart: bool = False
    room_quota_used: bool = False
    tenant_status: int | None = None
    tariff_without_restore: bool = False
    unpaid: bool = False
    backup_broken: bool = False
    backup_cancelled: bool = False
    backup_elsewhere: bool = False
    backup_overtaken: bool = False
    backup_answer_stale: bool = False
    backup_leaves_out: bool = False
    backup_takes: float = 0
    free_backups_used: bool = False
    ip_refused: bool = False
    slow: float = 0
    away: float = 0
    html_502: bool = False
    bad_json: bool = False
    huge_reply: bool = False
    redirect_elsewhere: bool = False
    rate_limited: int = 0


class RouteFault(Body):
    """A fault of one route for its next ``times`` requests.

    ``answer_lost``, ``answer_slow`` and ``html_504`` take effect first; ``drop``, ``fault_500``,
    ``html_502`` and ``busy`` have no effect. ``seconds`` of ``busy`` are its Retry-After, which 0
    leaves out.
    """

    on: str
    fault: Literal[
        "answer_lost",
        "drop",
        "answer_slow",
        "fault_500",
        "bad_json",
        "no_response",
        "html_502",
        "html_504",
        "busy",
    ]
    times: int = 1
    type: str = "System.Exception"
    seconds: float = 0.0
