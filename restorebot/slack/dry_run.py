"""`/restore <backup> --dry-run`: every check and the requests that would be sent, in lines."""

import json
from collections.abc import Mapping
from typing import Any

from restorebot.docspace.client import START_BACKUP, START_RESTORE, backup_body, restore_body
from restorebot.model import HIDDEN_PARAMS
from restorebot.restores.portals import Portal
from restorebot.restores.preflight import Report
from restorebot.slack.mrkdwn import escape
from restorebot.slack.phrases import request as words
from restorebot.slack.request_modal import MARKS, SENTENCE_SHOWN

REQUEST_SHOWN = 2000


def dry_run(backup_id: str, report: Report, portal: Portal) -> list[str]:
    """Return what would happen: every check, and what would be sent. Nothing has been."""
    lines = [words.dry_run_title(backup_id)]
    for check in report.checks:
        sentence = escape(check.sentence, SENTENCE_SHOWN)
        lines.append(words.check_line(MARKS[check.result], check.name, sentence))
    if not report.passed or report.source is None:
        lines.append(words.DRY_RUN_FAILED)
        return lines
    url = escape(portal.docspace.url)
    if portal.safety_backup:
        backup = _request(url, START_BACKUP, backup_body(portal.safety_backup))
        lines.append(words.would_back_up(backup))
    restore = _request(url, START_RESTORE, restore_body(report.source, notify=False))
    lines.append(words.would_send(restore))
    return lines


def _request(url: str, path: str, body: Mapping[str, Any]) -> str:
    """Return a request as it would be sent, less what nobody needs to see."""
    params = [pair for pair in body["storageParams"] if pair["key"] not in HIDDEN_PARAMS]
    shown = json.dumps({**body, "storageParams": params}, ensure_ascii=False)
    return words.shown_request(f"{url}{path}", escape(shown, REQUEST_SHOWN))
