"""Who may do what: each case is a sentence."""

import pytest

from restorebot.restores.policy import Person, Policy

POLICY = Policy(approvers=frozenset({"UBOB", "SOPS"}), requesters=frozenset({"UALICE", "SDEV"}))
OPEN_TO_ALL = Policy(approvers=frozenset({"UBOB"}))
SELF = Policy(approvers=frozenset({"UALICE", "UBOB"}), allow_self_approval=True)
ONE_CHANNEL = Policy(approvers=frozenset({"UBOB"}), channels=frozenset({"CHOME"}))

ALICE, BOB, CAROL = Person("UALICE"), Person("UBOB"), Person("UCAROL")
NONE: frozenset[str] = frozenset()
OPS, DEV = frozenset({"SOPS"}), frozenset({"SDEV"})

REQUESTS = [
    ("a named requester may ask", POLICY, ALICE, NONE, "C1", ""),
    ("a member of a requesters' group may ask", POLICY, CAROL, DEV, "C1", ""),
    ("an approver who is no requester may not ask", POLICY, BOB, NONE, "C1", "not among those"),
    ("somebody in neither list may not ask", POLICY, CAROL, NONE, "C1", "not among those"),
    (
        "membership in the approvers' group does not let one ask",
        POLICY,
        CAROL,
        OPS,
        "C1",
        "not among those",
    ),
    ("without a list every full member may ask", OPEN_TO_ALL, CAROL, NONE, "C1", ""),
    (
        "a guest may not ask even without a list",
        OPEN_TO_ALL,
        Person("UG", is_guest=True),
        NONE,
        "C1",
        "Guests",
    ),
    (
        "a named guest may not ask either",
        POLICY,
        Person("UALICE", is_guest=True),
        NONE,
        "C1",
        "Guests",
    ),
    ("a bot may not ask", OPEN_TO_ALL, Person("UBOT", is_bot=True), NONE, "C1", "Bots"),
    (
        "a deactivated account may not ask",
        OPEN_TO_ALL,
        Person("UX", is_deactivated=True),
        NONE,
        "C1",
        "deactivated",
    ),
    (
        "a stranger may not ask",
        OPEN_TO_ALL,
        Person("UX", is_external=True),
        NONE,
        "C1",
        "another organisation",
    ),
    ("in the bound channel one may ask", ONE_CHANNEL, CAROL, NONE, "CHOME", ""),
    ("in another channel nobody may ask", ONE_CHANNEL, CAROL, NONE, "CELSE", "this channel"),
]

APPROVALS = [
    ("a named approver's yes counts", POLICY, BOB, NONE, "UALICE", ""),
    ("a member of the approvers' group counts", POLICY, CAROL, OPS, "UALICE", ""),
    ("somebody else's yes does not count", POLICY, CAROL, NONE, "UALICE", "not an approver"),
    ("a requester who is no approver is told so", POLICY, ALICE, NONE, "UALICE", "not an approver"),
    ("an approver cannot approve their own request", POLICY, BOB, NONE, "UBOB", "somebody else"),
    ("nor through the group", POLICY, CAROL, OPS, "UCAROL", "somebody else"),
    ("with self-approval allowed they can", SELF, ALICE, NONE, "UALICE", ""),
    ("self-approval is for approvers only", SELF, CAROL, NONE, "UCAROL", "not an approver"),
    ("a requesters' group makes no approver", POLICY, CAROL, DEV, "UALICE", "not an approver"),
    (
        "a named guest does not count",
        POLICY,
        Person("UBOB", is_guest=True),
        NONE,
        "UALICE",
        "Guests",
    ),
    (
        "a guest in the group does not count",
        POLICY,
        Person("UG", is_guest=True),
        OPS,
        "UALICE",
        "Guests",
    ),
    ("a bot does not count", POLICY, Person("UBOB", is_bot=True), NONE, "UALICE", "Bots"),
    (
        "a deactivated approver does not count",
        POLICY,
        Person("UBOB", is_deactivated=True),
        NONE,
        "U",
        "deactivated",
    ),
    (
        "a stranger does not count",
        POLICY,
        Person("UBOB", is_external=True),
        OPS,
        "UALICE",
        "another organisation",
    ),
]

DECISIONS = [
    ("a named approver decides", POLICY, BOB, NONE, ""),
    ("a member of the approvers' group decides", POLICY, CAROL, OPS, ""),
    ("a requester does not decide", POLICY, ALICE, NONE, "not an approver"),
    ("a member of the requesters' group does not decide", POLICY, CAROL, DEV, "not an approver"),
    (
        "a guest who is an approver does not decide",
        POLICY,
        Person("UBOB", is_guest=True),
        NONE,
        "Guests",
    ),
    ("a bot does not decide", POLICY, Person("UBOB", is_bot=True), NONE, "Bots"),
    (
        "a deactivated approver does not decide",
        POLICY,
        Person("UBOB", is_deactivated=True),
        NONE,
        "deactivated",
    ),
    (
        "an approver of another organisation does not decide",
        POLICY,
        Person("UBOB", is_external=True),
        OPS,
        "another",
    ),
]

GLASS = Policy(approvers=frozenset({"UBOB"}), break_glass=frozenset({"UALICE"}))

ALONE = [
    ("who is named may start alone", GLASS, ALICE, ""),
    ("an approver who is not named may not", GLASS, BOB, "not among those"),
    ("where nobody is named nobody may", POLICY, ALICE, "not among those"),
    ("a named guest may not", GLASS, Person("UALICE", is_guest=True), "Guests"),
    ("a named bot may not", GLASS, Person("UALICE", is_bot=True), "Bots"),
    (
        "a named account that is deactivated may not",
        GLASS,
        Person("UALICE", is_deactivated=True),
        "deactivated",
    ),
    ("a named stranger may not", GLASS, Person("UALICE", is_external=True), "another organisation"),
]

READS = [
    ("a requester sees what is asked for", POLICY, ALICE, NONE, ""),
    ("an approver sees it too", POLICY, BOB, NONE, ""),
    ("so does a member of the approvers' group", POLICY, CAROL, OPS, ""),
    ("so does a member of the requesters' group", POLICY, CAROL, DEV, ""),
    ("somebody in neither list sees nothing", POLICY, CAROL, NONE, "neither"),
    ("without a list every full member sees it", OPEN_TO_ALL, CAROL, NONE, ""),
    (
        "a guest sees nothing even without a list",
        OPEN_TO_ALL,
        Person("UG", is_guest=True),
        NONE,
        "Guests",
    ),
    (
        "a deactivated requester sees nothing",
        POLICY,
        Person("UALICE", is_deactivated=True),
        NONE,
        "deactivated",
    ),
    (
        "a stranger sees nothing",
        OPEN_TO_ALL,
        Person("UX", is_external=True),
        NONE,
        "another organisation",
    ),
]

Case = tuple[str, Policy, Person, frozenset[str], str, str]


def _ids(cases: list[Case]) -> list[str]:
    return [case[0] for case in cases]


@pytest.mark.parametrize("case", REQUESTS, ids=_ids(REQUESTS))
def test_asking(case: Case) -> None:
    _, policy, person, groups, channel, reason = case
    verdict = policy.may_request(person, groups, channel)
    assert verdict.allowed is not bool(reason)
    assert reason in verdict.reason


@pytest.mark.parametrize("case", APPROVALS, ids=_ids(APPROVALS))
def test_approving(case: Case) -> None:
    _, policy, person, groups, requester, reason = case
    verdict = policy.may_approve(person, groups, requester)
    assert verdict.allowed is not bool(reason)
    assert reason in verdict.reason


@pytest.mark.parametrize("case", DECISIONS, ids=[case[0] for case in DECISIONS])
def test_deciding(case: tuple[str, Policy, Person, frozenset[str], str]) -> None:
    _, policy, person, groups, reason = case
    verdict = policy.may_decide(person, groups)
    assert verdict.allowed is not bool(reason)
    assert reason in verdict.reason


@pytest.mark.parametrize("case", ALONE, ids=[case[0] for case in ALONE])
def test_starting_alone(case: tuple[str, Policy, Person, str]) -> None:
    _, policy, person, reason = case
    verdict = policy.may_break_glass(person)
    assert verdict.allowed is not bool(reason)
    assert reason in verdict.reason


@pytest.mark.parametrize("case", READS, ids=[case[0] for case in READS])
def test_seeing(case: tuple[str, Policy, Person, frozenset[str], str]) -> None:
    _, policy, person, groups, reason = case
    verdict = policy.may_read(person, groups)
    assert verdict.allowed is not bool(reason)
    assert reason in verdict.reason


def test_an_approver_may_deny_what_they_asked_for_themselves_only_by_withdrawing() -> None:
    """Deciding in general does not look at the requester; the service sends them to Withdraw."""
    assert POLICY.may_decide(BOB, NONE).allowed
    assert not POLICY.may_decide(ALICE, NONE).allowed
