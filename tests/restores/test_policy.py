"""Who may do what: each case is a sentence."""

import pytest

from restorebot.model import Approvers, Requesters
from restorebot.restores import policy
from restorebot.restores.policy import (
    BOT,
    DEACTIVATED,
    EXTERNAL,
    GUEST,
    NO_APPROVER,
    NO_BREAK_GLASS,
    NO_READER,
    NO_REQUESTER,
    OWN_REQUEST,
    WRONG_CHANNEL,
    Allowed,
    Denied,
    Person,
    Policy,
    Verdict,
)

POLICY = Policy(
    approvers=Approvers(frozenset({"UBOB", "SOPS"})),
    requesters=Requesters(frozenset({"UALICE", "SDEV"})),
)
OPEN_TO_ALL = Policy(approvers=Approvers(frozenset({"UBOB"})))
SELF = Policy(approvers=Approvers(frozenset({"UALICE", "UBOB"})), allow_self_approval=True)
ONE_CHANNEL = Policy(approvers=Approvers(frozenset({"UBOB"})), channels=frozenset({"CHOME"}))

ALICE, BOB, CAROL = Person(id="UALICE"), Person(id="UBOB"), Person(id="UCAROL")
NONE: frozenset[str] = frozenset()
OPS, DEV = frozenset({"SOPS"}), frozenset({"SDEV"})

Case = tuple[str, Policy, Person, frozenset[str], str, Verdict]

REQUESTS: list[Case] = [
    ("a named requester may ask", POLICY, ALICE, NONE, "C1", Allowed()),
    ("a member of a requesters' group may ask", POLICY, CAROL, DEV, "C1", Allowed()),
    ("an approver who is no requester may not ask", POLICY, BOB, NONE, "C1", NO_REQUESTER),
    ("somebody in neither list may not ask", POLICY, CAROL, NONE, "C1", NO_REQUESTER),
    (
        "membership in the approvers' group does not let one ask",
        POLICY,
        CAROL,
        OPS,
        "C1",
        NO_REQUESTER,
    ),
    ("without a list every full member may ask", OPEN_TO_ALL, CAROL, NONE, "C1", Allowed()),
    (
        "a guest may not ask even without a list",
        OPEN_TO_ALL,
        Person(id="UG", is_guest=True),
        NONE,
        "C1",
        GUEST,
    ),
    (
        "a named guest may not ask either",
        POLICY,
        Person(id="UALICE", is_guest=True),
        NONE,
        "C1",
        GUEST,
    ),
    ("a bot may not ask", OPEN_TO_ALL, Person(id="UBOT", is_bot=True), NONE, "C1", BOT),
    (
        "a deactivated account may not ask",
        OPEN_TO_ALL,
        Person(id="UX", is_deactivated=True),
        NONE,
        "C1",
        DEACTIVATED,
    ),
    (
        "a stranger may not ask",
        OPEN_TO_ALL,
        Person(id="UX", is_external=True),
        NONE,
        "C1",
        EXTERNAL,
    ),
    ("in the bound channel one may ask", ONE_CHANNEL, CAROL, NONE, "CHOME", Allowed()),
    ("in another channel nobody may ask", ONE_CHANNEL, CAROL, NONE, "CELSE", WRONG_CHANNEL),
]

APPROVALS: list[Case] = [
    ("a named approver's yes counts", POLICY, BOB, NONE, "UALICE", Allowed()),
    ("a member of the approvers' group counts", POLICY, CAROL, OPS, "UALICE", Allowed()),
    ("somebody else's yes does not count", POLICY, CAROL, NONE, "UALICE", NO_APPROVER),
    ("a requester who is no approver is told so", POLICY, ALICE, NONE, "UALICE", NO_APPROVER),
    ("an approver cannot approve their own request", POLICY, BOB, NONE, "UBOB", OWN_REQUEST),
    ("nor through the group", POLICY, CAROL, OPS, "UCAROL", OWN_REQUEST),
    ("with self-approval allowed they can", SELF, ALICE, NONE, "UALICE", Allowed()),
    ("self-approval is for approvers only", SELF, CAROL, NONE, "UCAROL", NO_APPROVER),
    ("a requesters' group makes no approver", POLICY, CAROL, DEV, "UALICE", NO_APPROVER),
    (
        "a named guest does not count",
        POLICY,
        Person(id="UBOB", is_guest=True),
        NONE,
        "UALICE",
        GUEST,
    ),
    (
        "a guest in the group does not count",
        POLICY,
        Person(id="UG", is_guest=True),
        OPS,
        "UALICE",
        GUEST,
    ),
    ("a bot does not count", POLICY, Person(id="UBOB", is_bot=True), NONE, "UALICE", BOT),
    (
        "a deactivated approver does not count",
        POLICY,
        Person(id="UBOB", is_deactivated=True),
        NONE,
        "U",
        DEACTIVATED,
    ),
    (
        "a stranger does not count",
        POLICY,
        Person(id="UBOB", is_external=True),
        OPS,
        "UALICE",
        EXTERNAL,
    ),
]

DECISIONS = [
    ("a named approver decides", POLICY, BOB, NONE, Allowed()),
    ("a member of the approvers' group decides", POLICY, CAROL, OPS, Allowed()),
    ("a requester does not decide", POLICY, ALICE, NONE, NO_APPROVER),
    ("a member of the requesters' group does not decide", POLICY, CAROL, DEV, NO_APPROVER),
    (
        "a guest who is an approver does not decide",
        POLICY,
        Person(id="UBOB", is_guest=True),
        NONE,
        GUEST,
    ),
    ("a bot does not decide", POLICY, Person(id="UBOB", is_bot=True), NONE, BOT),
    (
        "a deactivated approver does not decide",
        POLICY,
        Person(id="UBOB", is_deactivated=True),
        NONE,
        DEACTIVATED,
    ),
    (
        "an approver of another organisation does not decide",
        POLICY,
        Person(id="UBOB", is_external=True),
        OPS,
        EXTERNAL,
    ),
]

GLASS = Policy(approvers=Approvers(frozenset({"UBOB"})), break_glass=frozenset({"UALICE"}))

ALONE = [
    ("who is named may start alone", GLASS, ALICE, Allowed()),
    ("an approver who is not named may not", GLASS, BOB, NO_BREAK_GLASS),
    ("where nobody is named nobody may", POLICY, ALICE, NO_BREAK_GLASS),
    ("a named guest may not", GLASS, Person(id="UALICE", is_guest=True), GUEST),
    ("a named bot may not", GLASS, Person(id="UALICE", is_bot=True), BOT),
    (
        "a named account that is deactivated may not",
        GLASS,
        Person(id="UALICE", is_deactivated=True),
        DEACTIVATED,
    ),
    ("a named stranger may not", GLASS, Person(id="UALICE", is_external=True), EXTERNAL),
]

READS = [
    ("a requester sees what is asked for", POLICY, ALICE, NONE, Allowed()),
    ("an approver sees it too", POLICY, BOB, NONE, Allowed()),
    ("so does a member of the approvers' group", POLICY, CAROL, OPS, Allowed()),
    ("so does a member of the requesters' group", POLICY, CAROL, DEV, Allowed()),
    ("somebody in neither list sees nothing", POLICY, CAROL, NONE, NO_READER),
    ("without a list every full member sees it", OPEN_TO_ALL, CAROL, NONE, Allowed()),
    (
        "a guest sees nothing even without a list",
        OPEN_TO_ALL,
        Person(id="UG", is_guest=True),
        NONE,
        GUEST,
    ),
    (
        "a deactivated requester sees nothing",
        POLICY,
        Person(id="UALICE", is_deactivated=True),
        NONE,
        DEACTIVATED,
    ),
    (
        "a stranger sees nothing",
        OPEN_TO_ALL,
        Person(id="UX", is_external=True),
        NONE,
        EXTERNAL,
    ),
]


def _ids(cases: list[Case]) -> list[str]:
    return [case[0] for case in cases]


@pytest.mark.parametrize("case", REQUESTS, ids=_ids(REQUESTS))
def test_asking(case: Case) -> None:
    _, rules, person, groups, channel, verdict = case
    assert rules.may_request(person, groups, channel) == verdict


@pytest.mark.parametrize("case", APPROVALS, ids=_ids(APPROVALS))
def test_approving(case: Case) -> None:
    _, rules, person, groups, requester, verdict = case
    assert rules.may_approve(person, groups, requester) == verdict


@pytest.mark.parametrize("case", DECISIONS, ids=[case[0] for case in DECISIONS])
def test_deciding(case: tuple[str, Policy, Person, frozenset[str], Verdict]) -> None:
    _, rules, person, groups, verdict = case
    assert rules.may_decide(person, groups) == verdict


@pytest.mark.parametrize("case", ALONE, ids=[case[0] for case in ALONE])
def test_starting_alone(case: tuple[str, Policy, Person, Verdict]) -> None:
    _, rules, person, verdict = case
    assert rules.may_break_glass(person) == verdict


@pytest.mark.parametrize("case", READS, ids=[case[0] for case in READS])
def test_seeing(case: tuple[str, Policy, Person, frozenset[str], Verdict]) -> None:
    _, rules, person, groups, verdict = case
    assert rules.may_read(person, groups) == verdict


def test_an_approver_may_deny_what_they_asked_for_themselves_only_by_withdrawing() -> None:
    """Deciding in general does not look at the requester; the service sends them to Withdraw."""
    assert POLICY.may_decide(BOB, NONE) == Allowed()
    assert POLICY.may_decide(ALICE, NONE) == NO_APPROVER


def test_no_two_verdicts_say_the_same() -> None:
    denials = [one for one in vars(policy).values() if isinstance(one, Denied)]
    assert len({one.reason for one in denials}) == len(denials) == 10
    assert len({one.said_of for one in denials}) == len(denials)
