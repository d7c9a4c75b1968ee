"""Cards, posts and modals: within Slack's limits and without a ping, whatever people and portals
have written.
"""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from restorebot.docspace.client import DocSpace
from restorebot.docspace.clouds import MODULES
from restorebot.docspace.storages import OFFERED
from restorebot.model import (
    OPEN,
    Action,
    Approvers,
    Phase,
    PortalAlias,
    PortalName,
    PostKind,
    Restore,
    Source,
    State,
    Vote,
)
from restorebot.restores.checks import Check, CheckResult
from restorebot.restores.policy import Policy
from restorebot.restores.portals import Portal
from restorebot.restores.preflight import Report, ref_of
from restorebot.restores.queries import VisibleRestore
from restorebot.restores.watch import KeyFate
from restorebot.sandbox.workspace.limits import check_message_blocks, check_view
from restorebot.slack import blocks as blocks_of
from restorebot.slack import cards, home, mrkdwn, request_modal, thread
from restorebot.slack.archive_form import CARRIED
from restorebot.slack.phrases import card as card_words
from restorebot.slack.phrases.home import more_open
from restorebot.slack.phrases.lists import asked_by
from restorebot.slack.phrases.picker import ARCHIVE_KINDS
from restorebot.slack.phrases.restore import title
from restorebot.slack.phrases.thread import SENT_AGAIN
from restorebot.slack.rates import RateLimit
from restorebot.times import duration
from tests.harness import TLS, Clock
from tests.storage.conftest import a_restore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTEXT = cards.CardContext(("U0BOB", "S0OPS"), (timedelta(minutes=20), timedelta(hours=3)))
OURS = re.compile(r"<@U0\w+>|<#C0\w+>|<!subteam\^S0\w+>|<!date\^\d+\^[^|>]*\|[^>]*>")
"""The markup that is ours: mentions of those concerned and of channels, and times."""

outside = st.text(max_size=4000) | st.sampled_from(
    [
        "<!channel>",
        "<@U1>",
        "*a*" * 2000,
        "`" * 3000,
        "\u202e" * 50,
        "🔥" * 3000,
        "&lt;!here&gt;",
        "<https://e.example|x>",
    ]
)


typed = outside.map(lambda text: " ".join(text.split()))


@st.composite
def archives(draw: st.DrawFn) -> Source:
    """As the picker reads them, before or after the portal has told of a file."""
    params = {"module": "s3", "filePath": draw(typed)[:400]} | {
        key.name: draw(typed)[:200] for key in MODULES["s3"].keys
    }
    for name in reversed([*params][1:]):
        if len(json.dumps(params)) > CARRIED:
            params[name] = ""
    told: dict[str, Any] = draw(
        st.just({}) | st.just({"size": 10**12, "version": 3, "changed_on": NOW})
    )
    return Source(
        file_name=draw(typed)[:200],
        storage_type=draw(st.sampled_from([*ARCHIVE_KINDS])),
        params=tuple(params.items()),
        **told,
    )


@st.composite
def restores(draw: st.DrawFn) -> Restore:
    backup = st.builds(
        Source,
        backup_id=outside.filter(bool),
        file_name=outside,
        storage_type=st.integers(0, 9),
        created_on=st.just(NOW),
    )
    votes = draw(st.integers(0, 5))
    return Restore(
        id="0d9c9a57-6c6f-4f0e-8a55-6d3c1c7b2f10",
        version=draw(st.integers(1, 10**6)),
        state=draw(st.sampled_from(State)),
        portal=PortalAlias(draw(outside)),
        portal_url="https://acme.example",
        source=draw(backup | archives()),
        reason=draw(outside),
        requester="U0ALICE",
        channel="C1",
        view_id="V1",
        approvals_needed=draw(st.integers(votes + 1, 6)),
        requested_at=NOW,
        expires_at=NOW,
        votes=tuple(Vote(f"U0VOTER{number}", NOW) for number in range(votes)),
        self_approved=draw(st.booleans()),
        approved_at=draw(st.none() | st.just(NOW)),
        sent_at=draw(st.none() | st.just(NOW)),
        ended_at=draw(st.none() | st.just(NOW + timedelta(hours=70))),
        phase=draw(st.none() | st.sampled_from(Phase)),
        progress=draw(st.integers(0, 100)),
        task_id=draw(st.none() | outside),
        adopted=draw(st.booleans()),
        stalled=draw(st.booleans()),
        progress_changed_at=draw(st.none() | st.just(NOW)),
        blocked_reason=draw(outside),
        outcome=draw(outside),
        tenant_status=draw(st.none() | st.integers(-1, 9)),
        decided_by=draw(st.none() | st.just("U0DECIDER")),
        starts_at=draw(st.none() | st.just(NOW)),
        announce=draw(st.just(()) | st.just(("C0USERS", "C0OTHERS"))),
        break_glass=draw(st.booleans()),
        notify=draw(st.booleans()),
        safety_storage=draw(st.none() | st.sampled_from(OFFERED)),
        safety_task_id=draw(st.none() | outside),
        safety_name=draw(st.none() | outside),
        safety_made_at=draw(st.none() | st.just(NOW)),
    )


facts = st.fixed_dictionaries(
    {
        "task": outside,
        "since": st.just(NOW.isoformat()),
        "progress": st.integers(0, 100),
        "why": outside,
        "alias": outside,
        "active": st.booleans(),
        "key": st.sampled_from(list(KeyFate)),
        "warning": outside,
        "voter": st.just("U0BOB"),
        "channel": st.just("C0USERS"),
        "kind": st.sampled_from(["planned", "started"]),
    },
    optional={"by": st.just("U0BOB"), "again": st.booleans()},
)


def markup(block: dict[str, Any]) -> list[str]:
    parts = [block.get("text"), *block.get("fields", []), *block.get("elements", [])]
    return [
        part["text"] for part in parts if isinstance(part, dict) and part.get("type") == "mrkdwn"
    ]


def fits(text: str, blocks: list[dict[str, Any]]) -> None:
    check_message_blocks(blocks)
    assert text.strip()
    assert len(text) <= 4000
    for shown in [text, *(one for block in blocks for one in markup(block))]:
        # A text that was cut may end inside a mark of ours, which is then no mark.
        rest = OURS.sub("", shown)
        assert "<" not in rest or len(shown) >= blocks_of.SECTION, shown
        assert "<!channel" not in rest
        assert "<@U1>" not in rest


PORTAL = Portal(
    name=PortalName("acme"),
    docspace=DocSpace("https://acme.example", SecretStr("sk-0"), ssl_context=TLS),
    policy=Policy(approvers=Approvers(frozenset({"U0BOB"}))),
    approval_ttl=timedelta(minutes=30),
)


@given(restores())
def test_any_card_fits(restore: Restore) -> None:
    fits(*cards.card(restore, CONTEXT))


@given(restores(), st.sampled_from([kind for kind in PostKind if kind is not PostKind.CARD]), facts)
def test_any_post_fits(restore: Restore, kind: PostKind, said: dict[str, Any]) -> None:
    if kind is PostKind.CLOSING:
        ends = [state for state in State if state in thread.ENDS]
        restore = replace(restore, state=ends[restore.version % len(ends)])
    text, blocks = thread.thread_post(
        kind, restore, facts=said, witness="0123456789ab", context=CONTEXT
    )
    fits(text, blocks)
    again, marked = thread.mark_sent_again(text, blocks)
    fits(again, marked)
    assert SENT_AGAIN in again


@given(outside, outside, outside, st.booleans())
def test_any_modal_fits_and_can_be_submitted_only_when_all_is_well(
    alias: str, name: str, sentence: str, passes: bool
) -> None:
    result = CheckResult.PASSED if passes else CheckResult.FAILED
    backup_id = "3c0f8f0a-7a6b-4f2e-9a51-0d7a4a1f6b11"
    source = Source(
        backup_id=backup_id, file_name=name[:200], storage_type=5, created_on=NOW, expires_on=NOW
    )
    checks = (Check("portal", result, sentence),)
    report = Report(checks=checks, alias=PortalAlias(alias[:100]), source=source)
    view = request_modal.confirmation_modal(
        ref_of(source), report, portal=PORTAL, channel="C1", now=NOW
    )
    check_view(view, "modal")
    assert ("submit" in view) == passes
    assert any(block["type"] == "input" for block in view["blocks"]) == passes
    if passes:
        asked = request_modal.RequestMetadata.unpack(view["private_metadata"])
        assert asked == request_modal.RequestMetadata(
            portal=PortalAlias(alias[:100]),
            portal_name=PortalName("acme"),
            source=source,
            channel="C1",
        )


@given(outside, archives(), outside)
def test_a_modal_for_any_archive_fits(alias: str, source: Source, sentence: str) -> None:
    checks = (Check("archive", CheckResult.WARNED, sentence),)
    report = Report(checks=checks, alias=PortalAlias(alias[:100]), source=source)
    view = request_modal.confirmation_modal(
        ref_of(source),
        report,
        portal=PORTAL,
        channel="C1",
        now=NOW,
        window=request_modal.Window(external_id="facts-1", close="Back"),
    )
    check_view(view, "modal")
    assert request_modal.RequestMetadata.unpack(view["private_metadata"]).source == source


STANDING = st.tuples(st.sampled_from(sorted(OPEN)), st.sets(st.sampled_from(Action)))


def test_a_home_tab_with_sixty_open_restores_fits() -> None:
    """The most that one restore takes: a button row each, and as many recent ones with a button."""
    one = a_restore("r1")
    mine = [
        VisibleRestore(replace(one, id=f"open-{number}"), frozenset({Action.APPROVE}))
        for number in range(60)
    ]
    recent = [
        VisibleRestore(
            replace(one, id=f"ended-{number}", state=State.EXPIRED), frozenset({Action.ASK_AGAIN})
        )
        for number in range(home.RECENT)
    ]
    check_view({"type": "home", "blocks": home.home_blocks(mine, recent, NOW)}, "home")


@given(restores(), st.integers(0, 60), st.lists(STANDING, min_size=1, max_size=8))
def test_any_home_tab_fits_and_says_how_many_more_are_open(
    restore: Restore, count: int, standings: list[tuple[State, set[Action]]]
) -> None:
    mine = []
    for number in range(count):
        state, rights = standings[number % len(standings)]
        mine.append(
            VisibleRestore(replace(restore, id=f"open-{number}", state=state), frozenset(rights))
        )
    recent = [
        VisibleRestore(
            replace(restore, id=f"ended-{number}", state=State.EXPIRED),
            frozenset({Action.ASK_AGAIN}),
        )
        for number in range(home.RECENT)
    ]
    blocks = home.home_blocks(mine, recent, NOW)
    check_view({"type": "home", "blocks": blocks}, "home")
    shown = sum(
        asked_by(restore) in block.get("text", {}).get("text", "") for block in blocks
    ) - len(recent)
    assert shown == min(len(mine), home.SHOWN)
    more = [block for block in blocks if more_open(count - home.SHOWN) in str(block)]
    assert bool(more) == (len(mine) > home.SHOWN)


def test_the_fallback_says_everything_that_the_card_shows() -> None:
    """Notifications and screen readers get the ``text`` alone."""
    restore = Restore(
        id="r1",
        version=1,
        state=State.REQUESTED,
        portal=PortalAlias("acme"),
        portal_url="https://acme.example",
        source=Source(backup_id="b1", file_name="acme.tar.gz", storage_type=5, created_on=NOW),
        reason="because",
        notify=True,
        requester="U0ALICE",
        channel="C1",
        view_id="V1",
        approvals_needed=2,
        requested_at=NOW,
        expires_at=NOW,
    )
    text, _ = cards.card(restore, CONTEXT)
    for word in (
        title(restore),
        "<@U0ALICE>",
        "because",
        card_words.approvals_missing(2, CONTEXT.approvers),
        card_words.request_expires(restore),
    ):
        assert word in text


SPANS = [
    (-5, "0 s"),
    (0, "0 s"),
    (59.4, "59 s"),
    (60, "1 min 00 s"),
    (3599, "59 min 59 s"),
    (3660, "1 h 01 min"),
]


@pytest.mark.parametrize(
    ("seconds", "words"), [*SPANS, (172800, "2 days"), (172799, "47 h 59 min")]
)
def test_a_duration_is_said_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration(timedelta(seconds=seconds)) == words


def test_a_time_is_shown_in_the_readers_zone_with_utc_for_others() -> None:
    assert (
        mrkdwn.date(NOW) == "<!date^1772366400^{date_short_pretty} at {time}|2026-03-01 12:00 UTC>"
    )


@given(st.text(), st.integers(1, 300))
def test_outside_text_is_one_harmless_line(text: str, limit: int) -> None:
    assert len(mrkdwn.plain_text(text, limit)) <= limit
    line = mrkdwn.escape(text, limit)
    assert not set("<>\n\r\t\u202e\u2066\x00") & set(line)
    assert "`" not in mrkdwn.code(text, limit)[1:-1]


@pytest.mark.parametrize(
    ("percent", "full"), [(-1, 0), (0, 0), (4, 0), (5, 1), (75, 15), (99, 19), (100, 20), (250, 20)]
)
def test_the_bar_is_full_at_100_only(percent: int, full: int) -> None:
    assert cards.bar(percent) == "█" * full + "░" * (20 - full)


def test_a_bucket_gives_its_size_at_once_and_then_its_rate() -> None:
    clock = Clock()
    bucket = RateLimit(3, timedelta(seconds=2), clock.monotonic)
    taken: list[float] = []
    while clock.steady < 20:
        if bucket.wait():
            clock.pass_(bucket.wait().total_seconds())
        else:
            bucket.take()
            taken.append(clock.steady)
    assert taken[:3] == [0, 0, 0]
    assert taken[3:] == [2 * number for number in range(1, len(taken) - 2)]
    clock.pass_(300)
    for _ in range(3):
        assert not bucket.wait()
        bucket.take()
    assert bucket.wait()
