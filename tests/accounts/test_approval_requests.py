"""What a request for approval says of itself."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.groups import SUPPORT
from accounts.models import Account, ApprovalRequest, User
from accounts.models.approval import LimitAsked
from accounts.models.approval_triggers import PERMISSIONS_TO_ASK
from ledger.db.ids import uuid7
from tests.conftest import colleague
from tests.factories import UserFactory, walls_down

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
AT_ONCE = timedelta(microseconds=1)


def request_for(kind: str = "deposit", **fields: Any) -> ApprovalRequest:
    return ApprovalRequest(**{"kind": kind, "amount": Decimal(5), "currency": "EUR", **fields})


@pytest.mark.parametrize(
    ("status", "label", "is_open"),
    [
        ("pending", "Waiting", True),
        ("approved", "Approved, not done", True),
        ("declined", "Declined", False),
        ("withdrawn", "Withdrawn", False),
        ("done", "Done", False),
    ],
)
def test_only_an_open_request_expires(
    monkeypatch: pytest.MonkeyPatch, status: str, label: str, is_open: bool
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    later = request_for(status=status, expires_at=NOW + AT_ONCE)
    assert (later.is_expired, later.is_open, later.status_label) == (False, is_open, label)
    past = request_for(status=status, expires_at=NOW)
    assert (past.is_expired, past.is_open) == (is_open, False)
    assert past.status_label == ("Expired" if is_open else label)


def test_a_request_needs_the_right_of_its_kind_and_names_who_asked() -> None:
    for kind in ApprovalRequest.Kind.values:
        assert request_for(kind).permission_to_ask == PERMISSIONS_TO_ASK[kind]
    asked = request_for(reason="A letter", requested_by=User(name="Cleo"))
    assert asked.reason_in_history == "A letter (asked by Cleo, approved)"


def test_a_request_names_its_group_or_its_amount() -> None:
    group = request_for("group", parameters={"group": "manager"})
    assert (group.group, str(group)) == ("manager", "Group, manager")
    deposit = request_for(parameters={"group": "manager"})
    assert (deposit.group, str(deposit)) == ("", "Cash deposit, 5 EUR")


def test_a_request_for_limits_has_those_that_it_changes() -> None:
    account = Account(overdraft_limit=Decimal(1), daily_limit=None, transfer_limit=Decimal(3))
    parameters = {
        "overdraft_limit": "2.00", "daily_limit": None, "before": {"overdraft_limit": "1.00"},
    }  # fmt: skip
    asked = request_for("limits", from_account=account, parameters=parameters)
    assert asked.limits == [
        LimitAsked("overdraft_limit", "Overdraft limit", Decimal(1), Decimal(2)),
        LimitAsked("daily_limit", "Daily limit", None, None),
    ]
    assert not asked.is_outdated
    account.transfer_limit = Decimal(4)
    assert not asked.is_outdated
    account.daily_limit = Decimal(4)
    assert asked.is_outdated
    other = request_for(from_account=account, parameters=parameters)
    assert (other.limits, other.is_outdated) == ([], False)
    assert request_for("limits", from_account=account).limits == []


@pytest.mark.parametrize(
    ("parameters", "about", "until"),
    [
        ({}, "", None),
        ({"reverses": "a"}, "a", None),
        ({"captures": "b", "expires_at": ""}, "b", None),
        ({"reverses": "", "captures": "b"}, "b", None),
        ({"expires_at": "2026-06-01T12:00:00Z"}, "", NOW),
    ],
)
def test_a_request_knows_what_it_refunds_or_captures_and_until_when_it_holds(
    parameters: dict[str, Any], about: str, until: datetime | None
) -> None:
    request = request_for(parameters=parameters)
    assert (request.about_transaction, request.held_until) == (about, until)


@pytest.mark.parametrize("status", ["active", "frozen"])
def test_a_frozen_account_blocks_a_request_unless_it_is_for_limits(status: str) -> None:
    account, other = Account(status=status), Account(status="frozen")
    out = request_for("withdrawal", from_account=account)
    assert (out.is_blocked, out.accounts) == (status == "frozen", [account])
    assert not request_for("limits", from_account=account).is_blocked
    into = request_for(to_account=other)
    assert (into.is_blocked, into.accounts) == (False, [other])
    both = request_for("hold", from_account=account, to_account=other)
    assert (both.is_blocked, both.accounts) == (status == "frozen", [account, other])
    assert request_for("group").accounts == []


@pytest.mark.django_db
def test_requests_are_found_by_what_can_still_be_done_with_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clerk, boss, other = UserFactory(), UserFactory(), UserFactory()
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    file, ago = uuid7(), NOW - timedelta(days=7)
    rows: dict[tuple[str, str], ApprovalRequest] = {}
    for status, is_decided in (
        ("pending", False), ("approved", True), ("declined", True), ("withdrawn", False),
    ):  # fmt: skip
        for name, expires_at in (("open", NOW + AT_ONCE), ("past", NOW), ("old", ago)):
            decided_at = ago + AT_ONCE if name == "open" else ago
            rows[status, name] = request_for(
                status=status, expires_at=expires_at, requested_by=clerk, transaction_id=file,
                requested_at=NOW - timedelta(minutes=len(rows)),
                decided_by=boss if is_decided else None,
                decided_at=decided_at if is_decided else None,
            )  # fmt: skip
    rows["pending", "file"] = request_for(
        "payment_file", expires_at=NOW + AT_ONCE, requested_by=other, transaction_id=file,
        requested_at=NOW - timedelta(hours=1),
    )  # fmt: skip
    with walls_down("approval_requests"):
        ApprovalRequest.objects.bulk_create(rows.values())
    by_id = {row.pk: name for name, row in rows.items()}

    def names(found: Any) -> list[tuple[str, str]]:
        return [by_id[row.pk] for row in found]

    requests = ApprovalRequest.objects
    file_first = [("pending", "file"), ("pending", "open")]
    assert names(requests.waiting()) == file_first
    assert names(requests.usable()) == [("approved", "open")]
    assert {*names(requests.open_for(file))} == {*file_first, ("approved", "open")}
    assert names(requests.open_for(uuid7())) == []
    assert names(requests.news_of(clerk)) == [
        ("pending", "open"), ("pending", "past"), ("approved", "open"), ("approved", "past"),
        ("declined", "open"),
    ]  # fmt: skip
    assert names(requests.news_of(other)) == [("pending", "file")]


@pytest.mark.django_db
def test_requests_are_for_the_eyes_of_who_may_see_accounts_and_who_asked(boss: User) -> None:
    mine, theirs = UserFactory(is_staff=True), colleague(SUPPORT, "Sue")
    now = timezone.now()
    with walls_down("approval_requests"):
        for person in (mine, theirs):
            asked = request_for(
                requested_by=person, expires_at=now + timedelta(days=1), transaction_id=uuid7()
            )
            asked.save()
    rows = ApprovalRequest.objects.order_by("requested_at")
    everybody = [mine.pk, theirs.pk]
    for reader, people in ((mine, [mine.pk]), (theirs, everybody), (boss, everybody)):
        found = rows.for_eyes_of(reader)
        assert list(found.values_list("requested_by", flat=True)) == people
