"""Break the bot on purpose, one line at a time: each fault must turn a test red.

    .venv/bin/python -m tests.mutants [NAME...]

Works on copies; exits 1 when a fault goes unnoticed. `tests/test_truth.py` keeps the lines below
findable.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
COPIED = ("restorebot", "tests", "pyproject.toml", "manifest.yml", "README.md")
NOT_COPIED = shutil.ignore_patterns("node_modules")
AT_ONCE = 3


TYPES = "types"
"""In the place of tests: ``mypy --strict``."""


@dataclass(frozen=True)
class Mutant:
    """A fault: ``line`` of ``file`` becomes ``fault``, and one of ``tests`` has to fail.

    Where ``tests`` is TYPES, it is the type check that has to.
    """

    name: str
    file: str
    line: str
    fault: str
    tests: str


MUTANTS = (
    Mutant(
        "anybody approves",
        "restores/policy.py",
        "if not _among(person, groups, self.approvers):",
        "if False:",
        "scenarios/test_deciding.py::test_somebody_who_is_no_approver_decides_nothing",
    ),
    Mutant(
        "requester approves",
        "restores/policy.py",
        "if person.id == requester and not self.allow_self_approval:",
        "if False:",
        "scenarios/test_deciding.py::test_the_requester_cannot_approve",
    ),
    Mutant(
        "voters not checked again at the start",
        "restores/start.py",
        "        if missing is not None:",
        "        if False:",
        "scenarios/test_starting.py::"
        "test_a_voter_who_is_no_longer_eligible_does_not_count_at_the_start",
    ),
    Mutant(
        "approval good for ever",
        "restores/planned_start.py",
        "if now >= approval_counts_from(restore, now) + approval_ttl:",
        "if False:",
        "scenarios/test_starting.py::test_an_approval_is_good_for_its_shelf_life_only",
    ),
    Mutant(
        "earlier voters not looked at again when the quorum fills",
        "restores/service.py",
        "                ineligible_voters(policy, self._directory, earlier, restore.requester),",
        "                ineligible_voters(policy, self._directory, (), restore.requester),",
        "scenarios/test_approvers.py::"
        "test_when_the_quorum_fills_every_earlier_voter_is_looked_at_again",
    ),
    Mutant(
        "raised quorum ignored at the start",
        "restores/start.py",
        "needed = policy.quorum(restore.approvals_needed)",
        "needed = restore.approvals_needed",
        "scenarios/test_approvers.py::test_a_quorum_that_was_raised_since_holds_for_what_is_open",
    ),
    Mutant(
        "started alone and unheard",
        "restores/start.py",
        "if restore.break_glass and not await self._break_glass_is_posted(restore):",
        "if False:",
        "scenarios/test_break_glass.py::test_what_the_channel_cannot_be_told_does_not_start",
    ),
    Mutant(
        "planned restore made up for after its backup",
        "restores/start.py",
        "            if now > restore.safety_watched_at + planned_start.MISSED_GRACE:",
        "            if False:",
        "scenarios/test_safety_backup.py::"
        "test_a_planned_restore_is_not_made_up_for_hours_later_because_it_had_a_backup",
    ),
    Mutant(
        "settings' key used in a stored one's place",
        "app.py",
        "    if found is None:",
        "    if found is None or encryption_key is None:",
        "cli/test_keys.py::"
        "test_a_stored_key_without_the_encryption_key_is_told_and_no_other_is_used_in_its_place",
    ),
    Mutant(
        "a value's type not looked at in the audit trail",
        "storage/audit.py",
        'if any(kind != "text" for kind in types[:-1]) or types[-1] not in {"text", "null"}:',
        "if False:",
        "cli/test_records.py::test_one_changed_byte_in_any_value_of_a_thousand_rows_is_found",
    ),
    Mutant(
        "a state not in the audit trail's hash",
        "storage/audit.py",
        "        entry.old_state,",
        "        None,",
        "cli/test_records.py::test_one_changed_byte_in_any_value_of_a_thousand_rows_is_found",
    ),
    Mutant(
        "any witness believed",
        "storage/audit.py",
        "if witness is not None and before.startswith(witness):",
        "if True:",
        "cli/test_records.py::"
        "test_a_cut_tail_is_found_by_the_head_and_by_a_witness_when_the_head_was_cut_too",
    ),
    Mutant(
        "formula exported",
        "cli/audit.py",
        'return f"\'{value}"',
        "return value",
        "cli/test_records.py::test_a_text_that_a_spreadsheet_would_calculate_is_marked",
    ),
    Mutant(
        "missed start made up for",
        "restores/planned_start.py",
        "if now > restore.starts_at + MISSED_GRACE:",
        "if False:",
        "scenarios/test_planned.py::"
        "test_a_start_missed_by_more_than_a_quarter_of_an_hour_is_not_made_up_for",
    ),
    Mutant(
        "planned restore started at once",
        "restores/start.py",
        "if restore.starts_at and now < restore.starts_at:",
        "if False:",
        "scenarios/test_planned.py::test_it_waits_approved_says_when_reminds_and_starts_in_time",
    ),
    Mutant(
        "restored although the safety backup failed",
        "restores/safety_backup.py",
        "        if progress.failed:",
        "        if False:",
        "scenarios/test_safety_backup.py::"
        "test_a_backup_that_fails_or_is_refused_keeps_the_restore_from_starting",
    ),
    Mutant(
        "somebody else's backup taken for ours",
        "restores/safety_backup.py",
        "        if _is_earlier(reply, visible):",
        "        if False:",
        "scenarios/test_safety_backup.py::"
        "test_a_backup_that_was_running_already_is_not_taken_for_ours",
    ),
    Mutant(
        "restored at midnight",
        "restores/start.py",
        "        if now >= approved + self._portals.of(restore).approval_ttl:",
        "        if False:",
        "scenarios/test_safety_backup.py::"
        "test_one_that_outlasts_the_approval_starts_nothing_at_midnight",
    ),
    Mutant(
        "changed file restored",
        "restores/checks.py",
        "    if restore and file != restore.source:",
        "    if False:",
        "scenarios/test_sources.py::test_a_file_that_changed_since_makes_it_void",
    ),
    Mutant(
        "whatever was uploaded last restored",
        "restores/checks.py",
        "if refusal is not None:",
        "if False:",
        "scenarios/test_sources.py::test_types_2_and_3_are_refused_with_the_reason",
    ),
    Mutant(
        "request does not expire at the click",
        "restores/service.py",
        "late = restore.state is State.REQUESTED and now >= restore.expires_at",
        "late = False",
        "scenarios/test_deciding.py::test_after_the_ttl_a_click_expires_it_too",
    ),
    Mutant(
        "changed backup restored",
        "restores/checks.py",
        "if restore and found != restore.source:",
        "if False:",
        "scenarios/test_starting.py::test_a_backup_that_changed_since_the_request_is_not_restored",
    ),
    Mutant(
        "sent while another restore runs",
        "restores/start.py",
        "if visible and not visible.is_completed:",
        "if False:",
        "scenarios/test_starting.py::"
        "test_a_restore_that_begins_between_the_checks_and_the_post_keeps_ours_from_starting",
    ),
    Mutant(
        "row moved whatever its version",
        "storage/store.py",
        "& (restores.c.version == before.version)",
        "",
        "storage/test_store.py::test_a_move_that_did_not_see_the_last_change_is_overtaken",
    ),
    Mutant(
        "POST repeated after a timeout",
        "restores/start.py",
        'return await self._mark_unknown(restore, f"{REPLY_LOST} {error}")',
        "reply = await portal.start_restore(restore.source, notify=restore.notify)",
        "scenarios/test_starting.py::test_a_lost_answer_is_looked_for_and_never_asked_again",
    ),
    Mutant(
        "row left starting is sent again",
        "restores/runner.py",
        "State.STARTING: starter.resolve_interrupted_start,",
        "State.STARTING: lambda restore, now: starter._send(restore),",
        "scenarios/test_restarting.py::test_a_row_that_was_left_starting_is_unknown_and_never_sent",
    ),
    Mutant(
        "lost answer called not started",
        "errors.py",
        "self.sent = not (status == 500 and type in self.NOT_STARTED)",
        "self.sent = False",
        "scenarios/test_starting.py::test_a_lost_answer_is_looked_for_and_never_asked_again",
    ),
    Mutant(
        "any later task adopted",
        "restores/watch.py",
        "fresh = restore.sent_at is not None and now - restore.sent_at <= ADOPTION_WINDOW",
        "fresh = True",
        "scenarios/test_starting.py::"
        "test_a_task_that_appears_after_the_window_is_not_taken_for_ours",
    ),
    Mutant(
        "glass broken by anybody",
        "restores/service.py",
        "if draft.break_glass and not await self.may_break_glass(portal, draft.requester):",
        "if False:",
        "scenarios/test_break_glass.py::"
        "test_a_view_that_lost_its_right_between_opening_and_submit_is_refused",
    ),
    Mutant(
        "break-glass not looked at again before the start",
        "restores/start.py",
        "return MissingApprovals(requester_lost(verdict.said_of))",
        "return None",
        "scenarios/test_break_glass.py::test_one_who_is_deactivated_meanwhile_starts_nothing",
    ),
    Mutant(
        "key sent on polls",
        "docspace/client.py",
        "if not anonymous:",
        "if True:",
        "scenarios/test_watching.py::test_polls_carry_no_key_and_ask_for_our_kind_of_task",
    ),
    Mutant(
        "taskId not compared",
        "restores/watch.py",
        "if progress is None or progress.task_id != restore.task_id:",
        "if progress is None:",
        "scenarios/test_watching.py::test_another_task_at_100_percent_is_not_ours",
    ),
    Mutant(
        "completed is enough",
        "docspace/models.py",
        "return finished and self.error is None and not self._was_cancelled",
        "return self.is_completed",
        "scenarios/test_watching.py::"
        "test_a_failure_is_told_in_the_portals_words_with_the_state_of_the_portal",
    ),
    Mutant(
        "escaping dropped",
        "slack/mrkdwn.py",
        'return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")',
        "return line",
        "scenarios/test_asking.py::test_a_reason_is_shown_as_text_and_pings_nobody",
    ),
    Mutant(
        "other workspaces let in",
        "slack/app.py",
        "if not others:",
        "if True:",
        "scenarios/test_asking.py::test_another_workspace_is_refused_and_leaves_no_trace",
    ),
    Mutant(
        "second copy unmarked",
        "slack/notifier.py",
        "if queued.attempted:",
        "if False:",
        "scenarios/test_telling.py::test_a_post_whose_answer_was_lost_is_sent_again_and_says_so",
    ),
    Mutant(
        "Retry-After ignored",
        "docspace/replies.py",
        'wait = _retry_after(reply.headers.get("retry-after"))',
        "wait = 0.0",
        "scenarios/test_watching.py::test_a_portal_that_asks_for_a_pause_gets_it",
    ),
    Mutant(
        "key told to Slack and stored",
        "restores/service.py",
        "reason=draft.reason.strip()[:REASON_LIMIT],",
        "reason=str(portal.docspace._credential.header),",
        "scenarios/test_happy.py",
    ),
    Mutant(
        "key written to the log",
        "logs.py",
        "text = SHAPES.sub(MASK, self._inner.format(record))",
        "return self._inner.format(record)",
        "test_server_logs_tasks.py",
    ),
    Mutant(
        "approvers and requesters swapped",
        "app.py",
        "        approvers=one.approvers,\n        requesters=one.requesters,",
        "        approvers=one.requesters,\n        requesters=one.approvers,",
        TYPES,
    ),
    Mutant(
        "alias and name swapped",
        "slack/request_modal.py",
        "        portal=metadata.portal,\n        portal_name=metadata.portal_name,",
        "        portal=metadata.portal_name,\n        portal_name=metadata.portal,",
        TYPES,
    ),
    Mutant(
        "a column misspelt at the end of a restore",
        "restores/service.py",
        "replace(restore, state=to, outcome=outcome, decided_by=user)",
        "replace(restore, state=to, outcom=outcome, decided_by=user)",
        TYPES,
    ),
)


def noticed(mutant: Mutant) -> str:
    """Plant one fault in a copy and run its tests.

    Returns what went wrong with that, empty when it was noticed.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=NOT_COPIED)
            else:
                shutil.copy(source, copy / name)
        file = copy / "restorebot" / mutant.file
        text = file.read_text(encoding="utf-8")
        if text.count(mutant.line) != 1:
            return f"its line stands {text.count(mutant.line)} times in {mutant.file}"
        file.write_text(text.replace(mutant.line, mutant.fault), encoding="utf-8")
        command = _command(mutant)
        # Our own.
        done = subprocess.run(  # noqa: S603
            command, cwd=copy, capture_output=True, text=True, check=False
        )
    if done.returncode == 1:
        return ""
    if done.returncode == 0:
        return "nothing failed"
    return f"its tests did not run:\n{done.stdout[-2000:]}"


def _command(mutant: Mutant) -> list[str]:
    if mutant.tests == TYPES:
        # Not the tests: they are of the same types, and the program has to fail by itself.
        return [sys.executable, "-m", "mypy", "--strict", "restorebot"]
    tests = [f"tests/{test}" for test in mutant.tests.split()]
    return [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="tests.mutants", description="Plant each named fault; a test must notice."
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="the faults to plant (default: all)"
    )
    names = parser.parse_args().names
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(zip(chosen, pool.map(noticed, chosen), strict=True))
    for mutant, trouble in results:
        if trouble:
            print(f"UNNOTICED  {mutant.name}: {trouble}")
        else:
            print(f"noticed    {mutant.name}")
    unnoticed = sum(bool(trouble) for _, trouble in results)
    print(f"{len(results) - unnoticed} of {len(results)} faults noticed")
    return 1 if unnoticed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
