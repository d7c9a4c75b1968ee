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


@dataclass(frozen=True, kw_only=True)
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
        name="anybody approves",
        file="restores/policy.py",
        line="if not _among(person, groups, self.approvers):",
        fault="if False:",
        tests="scenarios/test_deciding.py::test_somebody_who_is_no_approver_decides_nothing",
    ),
    Mutant(
        name="requester approves",
        file="restores/policy.py",
        line="if person.id == requester and not self.allow_self_approval:",
        fault="if False:",
        tests="scenarios/test_deciding.py::test_the_requester_cannot_approve",
    ),
    Mutant(
        name="voters not checked again at the start",
        file="restores/start.py",
        line="        if missing is not None:",
        fault="        if False:",
        tests="scenarios/test_starting.py::"
        "test_a_voter_who_is_no_longer_eligible_does_not_count_at_the_start",
    ),
    Mutant(
        name="approval good for ever",
        file="restores/planned_start.py",
        line="if now >= approval_counts_from(restore, now) + approval_ttl:",
        fault="if False:",
        tests="scenarios/test_starting.py::test_an_approval_is_good_for_its_shelf_life_only",
    ),
    Mutant(
        name="earlier voters not looked at again when the quorum fills",
        file="restores/service.py",
        line="ineligible_voters(policy, self._directory, earlier, restore.requester),",
        fault="ineligible_voters(policy, self._directory, (), restore.requester),",
        tests="scenarios/test_approvers.py::"
        "test_when_the_quorum_fills_every_earlier_voter_is_looked_at_again",
    ),
    Mutant(
        name="raised quorum ignored at the start",
        file="restores/start.py",
        line="needed = policy.quorum(restore.approvals_needed)",
        fault="needed = restore.approvals_needed",
        tests="scenarios/test_approvers.py::"
        "test_a_quorum_that_was_raised_since_holds_for_what_is_open",
    ),
    Mutant(
        name="started alone and unheard",
        file="restores/start.py",
        line="if restore.break_glass and not await self._break_glass_is_posted(restore):",
        fault="if False:",
        tests="scenarios/test_break_glass.py::test_what_the_channel_cannot_be_told_does_not_start",
    ),
    Mutant(
        name="planned restore made up for after its backup",
        file="restores/start.py",
        line="            if now > restore.safety_watched_at + planned_start.MISSED_GRACE:",
        fault="            if False:",
        tests="scenarios/test_safety_backup.py::"
        "test_a_planned_restore_is_not_made_up_for_hours_later_because_it_had_a_backup",
    ),
    Mutant(
        name="settings' key used in a stored one's place",
        file="app.py",
        line="    if found is None:",
        fault="    if found is None or encryption_key is None:",
        tests="cli/test_keys.py::"
        "test_a_stored_key_without_the_encryption_key_is_told_and_no_other_is_used_in_its_place",
    ),
    Mutant(
        name="a value's type not looked at in the audit trail",
        file="storage/audit.py",
        line='if any(kind != "text" for kind in types[:-1]) or types[-1] not in {"text", "null"}:',
        fault="if False:",
        tests="cli/test_records.py::test_one_changed_byte_in_any_value_of_a_thousand_rows_is_found",
    ),
    Mutant(
        name="a state not in the audit trail's hash",
        file="storage/audit.py",
        line="        entry.old_state,",
        fault="        None,",
        tests="cli/test_records.py::test_one_changed_byte_in_any_value_of_a_thousand_rows_is_found",
    ),
    Mutant(
        name="any witness believed",
        file="storage/audit.py",
        line="if witness is not None and before.startswith(witness):",
        fault="if True:",
        tests="cli/test_records.py::"
        "test_a_cut_tail_is_found_by_the_head_and_by_a_witness_when_the_head_was_cut_too",
    ),
    Mutant(
        name="formula exported",
        file="cli/audit.py",
        line='return f"\'{value}"',
        fault="return value",
        tests="cli/test_records.py::test_a_text_that_a_spreadsheet_would_calculate_is_marked",
    ),
    Mutant(
        name="missed start made up for",
        file="restores/planned_start.py",
        line="if now > restore.starts_at + MISSED_GRACE:",
        fault="if False:",
        tests="scenarios/test_planned.py::"
        "test_a_start_missed_by_more_than_a_quarter_of_an_hour_is_not_made_up_for",
    ),
    Mutant(
        name="planned restore started at once",
        file="restores/start.py",
        line="if restore.starts_at and now < restore.starts_at:",
        fault="if False:",
        tests="scenarios/test_planned.py::"
        "test_it_waits_approved_says_when_reminds_and_starts_in_time",
    ),
    Mutant(
        name="restored although the safety backup failed",
        file="restores/safety_backup.py",
        line="        if progress.failed:",
        fault="        if False:",
        tests="scenarios/test_safety_backup.py::"
        "test_a_backup_that_fails_or_is_refused_keeps_the_restore_from_starting",
    ),
    Mutant(
        name="somebody else's backup taken for ours",
        file="restores/safety_backup.py",
        line="        if visible and reply.task_id == visible.task_id:",
        fault="        if False:",
        tests="scenarios/test_safety_backup.py::"
        "test_an_answer_that_names_an_earlier_backup_begins_none",
    ),
    Mutant(
        name="somebody else's backup cancelled",
        file="restores/safety_backup.py",
        line="        if visible is None or visible.task_id != restore.safety_task_id:",
        fault="        if visible is not None and visible.is_completed:",
        tests="scenarios/test_safety_backup.py::"
        "test_nothing_is_cancelled_where_ours_is_not_seen_to_run",
    ),
    Mutant(
        name="restored at midnight",
        file="restores/start.py",
        line="        if now >= approved + self._portals.of(restore).approval_ttl:",
        fault="        if False:",
        tests="scenarios/test_safety_backup.py::"
        "test_one_that_outlasts_the_approval_starts_nothing_at_midnight",
    ),
    Mutant(
        name="file of a closed folder asked for",
        file="restores/checks.py",
        line="    if in_the_way is not None:",
        fault="    if False:",
        tests="scenarios/test_sources.py::"
        "test_a_file_whose_folder_is_closed_to_the_keys_owner_cannot_be_asked_for",
    ),
    Mutant(
        name="dead key told as a lock",
        file="docspace/client.py",
        line="            if (await self.settings()).is_locked:",
        fault="            if True:",
        tests="scenarios/test_sources.py::"
        "test_a_dead_key_is_told_as_that_and_no_lock_where_anybody_may_ask",
    ),
    Mutant(
        name="changed file restored",
        file="restores/checks.py",
        line="    if restore and file != restore.source:",
        fault="    if False:",
        tests="scenarios/test_sources.py::test_a_file_that_changed_since_makes_it_void",
    ),
    Mutant(
        name="unknown storage restored",
        file="restores/checks.py",
        line="if refusal is not None:",
        fault="if False:",
        tests="scenarios/test_sources.py::test_a_custom_cloud_is_refused_with_the_reason",
    ),
    Mutant(
        name="request does not expire at the click",
        file="restores/service.py",
        line="late = restore.state is State.REQUESTED and now >= restore.expires_at",
        fault="late = False",
        tests="scenarios/test_deciding.py::test_after_the_ttl_a_click_expires_it_too",
    ),
    Mutant(
        name="changed backup restored",
        file="restores/checks.py",
        line="if restore and found != restore.source:",
        fault="if False:",
        tests="scenarios/test_starting.py::"
        "test_a_backup_that_changed_since_the_request_is_not_restored",
    ),
    Mutant(
        name="sent while another restore runs",
        file="restores/start.py",
        line="if visible and not visible.is_completed:",
        fault="if False:",
        tests="scenarios/test_starting.py::"
        "test_a_restore_that_begins_between_the_checks_and_the_post_keeps_ours_from_starting",
    ),
    Mutant(
        name="row moved whatever its version",
        file="storage/store.py",
        line="& (restores.c.version == before.version)",
        fault="",
        tests="storage/test_store.py::test_a_move_that_did_not_see_the_last_change_is_overtaken",
    ),
    Mutant(
        name="POST repeated after a timeout",
        file="restores/start.py",
        line="return await self._settle(restore, self._refused(restore, error))",
        fault="reply = await portal.start_restore(restore.source, notify=restore.notify)",
        tests="scenarios/test_starting.py::test_a_lost_answer_is_looked_for_and_never_asked_again",
    ),
    Mutant(
        name="sent after a pause",
        file="restores/start.py",
        line="if pause > OLDEST_CLAIM:",
        fault="if False:",
        tests="scenarios/test_starting.py::"
        "test_after_a_pause_between_claim_and_post_nothing_is_sent_before_all_is_checked_again",
    ),
    Mutant(
        name="reply lost with its commit",
        file="restores/start.py",
        line="outcome = self._outcomes.get(restore.id)",
        fault="outcome = None",
        tests="scenarios/test_starting.py::"
        "test_what_the_portal_answered_is_written_down_when_the_database_is_free_again",
    ),
    Mutant(
        name="slow reply taken for sure",
        file="restores/start.py",
        line="if took > SURE_WITHIN:",
        fault="if False:",
        tests="scenarios/test_starting.py::"
        "test_a_slow_reply_leaves_in_doubt_whose_task_it_names_and_that_is_said_to_the_end",
    ),
    Mutant(
        name="one task for two restores",
        file="storage/schema.py",
        line='"uq_restores_live_task",\n    restores.c.task_id,\n    unique=True,',
        fault='"uq_restores_live_task",\n    restores.c.task_id,\n    unique=False,',
        tests="storage/test_migrations.py",
    ),
    Mutant(
        name="set clock opens the adoption again",
        file="restores/watch.py",
        line="return timedelta() <= by_wall <= ADOPTION_WINDOW and longest <= ADOPTION_WINDOW",
        fault="return by_wall <= ADOPTION_WINDOW",
        tests="scenarios/test_watching.py::"
        "test_a_task_that_began_before_our_post_by_the_clock_is_not_taken_for_ours",
    ),
    Mutant(
        name="unheard of for ever",
        file="restores/watch.py",
        line="if self._unheard.lasted(restore.id) >= UNHEARD_AFTER:",
        fault="if False:",
        tests="scenarios/test_watching.py::"
        "test_a_restore_that_is_unheard_of_for_an_hour_ends_in_a_persons_hands",
    ),
    Mutant(
        name="locked portal broken off",
        file="restores/service.py",
        line="if tenant_status == RESTORING:",
        fault="if False:",
        tests="scenarios/test_watching.py::"
        "test_a_killed_worker_that_an_administrator_has_cleared_away_is_settled_at_once",
    ),
    Mutant(
        name="dead key called new",
        file="restores/watch.py",
        line="key_still_works(restore.ended_at or now)",
        fault="key_still_works(restore.sent_at or now)",
        tests="cli/test_keys.py::"
        "test_a_key_that_was_stored_while_the_restore_ran_is_not_called_new",
    ),
    Mutant(
        name="no sweep",
        file="restores/runner.py",
        line="found = await self._find_due(self._clock())",
        fault="found: list[str] = []",
        tests="restores/test_jobs.py",
    ),
    Mutant(
        name="sweep lost with the clock",
        file="restores/runner.py",
        line="sweep.modify(next_run_time=now)",
        fault="pass",
        tests="restores/test_jobs.py",
    ),
    Mutant(
        name="lock of a cancelled write kept",
        file="storage/sqlite.py",
        line="        connection.rollback()",
        fault="        return",
        tests="storage/test_store.py::test_a_write_that_is_cancelled_leaves_no_lock_behind",
    ),
    Mutant(
        name="row left starting is sent again",
        file="restores/runner.py",
        line="State.STARTING: starter.finish_start,",
        fault="State.STARTING: lambda restore, now: starter._post(restore, starter._clocks.now()),",
        tests="scenarios/test_restarting.py::"
        "test_a_row_that_was_left_starting_is_unknown_and_never_sent",
    ),
    Mutant(
        name="lost answer called not started",
        file="errors.py",
        line="self.sent = not (status == 500 and type in self.NOT_STARTED)",
        fault="self.sent = False",
        tests="scenarios/test_starting.py::test_a_lost_answer_is_looked_for_and_never_asked_again",
    ),
    Mutant(
        name="any later task adopted",
        file="restores/watch.py",
        line="fresh = self._is_fresh(restore, now)",
        fault="fresh = True",
        tests="scenarios/test_starting.py::"
        "test_a_task_that_appears_after_the_window_is_not_taken_for_ours",
    ),
    Mutant(
        name="glass broken by anybody",
        file="restores/service.py",
        line="if draft.break_glass and not await self.may_break_glass(portal, draft.requester):",
        fault="if False:",
        tests="scenarios/test_break_glass.py::"
        "test_a_view_that_lost_its_right_between_opening_and_submit_is_refused",
    ),
    Mutant(
        name="break-glass not looked at again before the start",
        file="restores/start.py",
        line="return MissingApprovals(requester_lost(verdict.said_of))",
        fault="return None",
        tests="scenarios/test_break_glass.py::test_one_who_is_deactivated_meanwhile_starts_nothing",
    ),
    Mutant(
        name="key sent on polls",
        file="docspace/client.py",
        line="if not anonymous:",
        fault="if True:",
        tests="scenarios/test_watching.py::test_polls_carry_no_key_and_ask_for_our_kind_of_task",
    ),
    Mutant(
        name="taskId not compared",
        file="restores/watch.py",
        line="if progress is None or progress.task_id != restore.task_id:",
        fault="if progress is None:",
        tests="scenarios/test_watching.py::test_another_task_at_100_percent_is_not_ours",
    ),
    Mutant(
        name="completed is enough",
        file="docspace/models.py",
        line="return finished and self.error is None and not self._was_cancelled",
        fault="return self.is_completed",
        tests="scenarios/test_watching.py::"
        "test_a_failure_is_told_in_the_portals_words_with_the_state_of_the_portal",
    ),
    Mutant(
        name="escaping dropped",
        file="slack/mrkdwn.py",
        line='return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")',
        fault="return line",
        tests="scenarios/test_asking.py::test_a_reason_is_shown_as_text_and_pings_nobody",
    ),
    Mutant(
        name="other workspaces let in",
        file="slack/app.py",
        line="if not others:",
        fault="if True:",
        tests="scenarios/test_asking.py::test_another_workspace_is_refused_and_leaves_no_trace",
    ),
    Mutant(
        name="mark taken away by a later refusal",
        file="slack/notifier.py",
        line="            if not queued.attempted:",
        fault="            if True:",
        tests="scenarios/test_telling.py::test_what_is_refused_later_takes_no_mark_away",
    ),
    Mutant(
        name="second copy unmarked",
        file="slack/notifier.py",
        line="if queued.attempted:",
        fault="if False:",
        tests="scenarios/test_telling.py::"
        "test_a_post_whose_answer_was_lost_is_sent_again_and_says_so",
    ),
    Mutant(
        name="Retry-After ignored",
        file="docspace/replies.py",
        line='wait = _retry_after(reply.headers.get("retry-after"))',
        fault="wait = 0.0",
        tests="scenarios/test_watching.py::test_a_portal_that_asks_for_a_pause_gets_it",
    ),
    Mutant(
        name="key told to Slack and stored",
        file="restores/service.py",
        line="reason=draft.reason.strip()[:REASON_LIMIT],",
        fault="reason=str(portal.docspace._credential.header),",
        tests="scenarios/test_happy.py",
    ),
    Mutant(
        name="key written to the log",
        file="logs.py",
        line="text = SHAPES.sub(MASK, self._inner.format(record))",
        fault="return self._inner.format(record)",
        tests="test_server_logs_tasks.py",
    ),
    Mutant(
        name="approvers and requesters swapped",
        file="app.py",
        line="        approvers=one.approvers,\n        requesters=one.requesters,",
        fault="        approvers=one.requesters,\n        requesters=one.approvers,",
        tests=TYPES,
    ),
    Mutant(
        name="alias and name swapped",
        file="slack/request_modal.py",
        line="        portal=metadata.portal,\n        portal_name=metadata.portal_name,",
        fault="        portal=metadata.portal_name,\n        portal_name=metadata.portal,",
        tests=TYPES,
    ),
    Mutant(
        name="a column misspelt at the end of a restore",
        file="restores/service.py",
        line="replace(restore, state=to, outcome=outcome, decided_by=user)",
        fault="replace(restore, state=to, outcom=outcome, decided_by=user)",
        tests=TYPES,
    ),
)


def went_wrong(mutant: Mutant) -> str | None:
    """Plant one fault in a copy and run its tests; return why it was not noticed, if it was not."""
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
        return None
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
        results = list(zip(chosen, pool.map(went_wrong, chosen), strict=True))
    for mutant, trouble in results:
        if trouble is not None:
            print(f"UNNOTICED  {mutant.name}: {trouble}")
        else:
            print(f"noticed    {mutant.name}")
    unnoticed = sum(trouble is not None for _, trouble in results)
    print(f"{len(results) - unnoticed} of {len(results)} faults noticed")
    return 1 if unnoticed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
