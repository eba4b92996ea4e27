"""`seed_demo`: a believable bank, the same for the same seed and day."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db.models import Max
from django.utils import timezone

from accounts.currencies import fits
from accounts.groups import ANALYSTS, STAFF, ensure_groups
from accounts.models import Account, StatusChange, User
from tests.factories import PASSWORD, AccountFactory, UserFactory
from transactions.annotation_search import noted, tags_in_use
from transactions.audit import audit
from transactions.demo import seeding, stories
from transactions.demo import world as world_module
from transactions.demo.events import Event
from transactions.demo.seeding import Seeded, SeedingError
from transactions.demo.world import World
from transactions.drafts import Draft
from transactions.models import Entry, Transaction

DAY = date(2026, 5, 20)
NOON = datetime(2026, 5, 20, 12, tzinfo=UTC)
CHANNELS = {"card", "transfer", "cash", "direct debit", "standing order", "bank"}
# Month ends, a leap day, the turn of a year, and the days that salaries and rents fall on.
DAYS = [
    date(2024, 2, 29), date(2025, 1, 1), date(2025, 3, 31), date(2026, 5, 25), date(2026, 8, 1),
]  # fmt: skip


@pytest.fixture
def demo(db: None) -> Seeded:
    return seeding.seed(users=24, months=2, seed=7, now=NOON)


def play(**options: Any) -> World:
    return World(**{"users": 24, "months": 2, "seed": 7, "now": NOON, **options})


def run(**options: Any) -> str:
    out = StringIO()
    small = {"users": 14, "months": 1, "force": True}
    call_command("seed_demo", **{**small, **options}, stdout=out)
    return out.getvalue()


def who_and_where(world: World) -> list[tuple[Any, ...]]:
    return [
        (person.id, person.email, person.part.name, account.id, account.number, account.created_at)
        for person in world.people
        for account in person.accounts.values()
    ]


def currency_of(world: World) -> dict[Any, str]:
    return {a.id: a.currency for person in world.people for a in person.accounts.values()}


# --- the same seed, the same data


def test_the_same_seed_gives_the_same_people_and_the_same_drafts() -> None:
    first, second = play(), play()
    assert who_and_where(first) == who_and_where(second)
    assert list(first.drafts()) == list(second.drafts())


def test_another_seed_gives_other_accounts_and_other_drafts() -> None:
    first, second = play(), play(seed=8)
    numbers = [{row[4] for row in who_and_where(world)} for world in (first, second)]
    assert not numbers[0] & numbers[1]
    amounts = [[draft.amount for draft in world.drafts()] for world in (first, second)]
    assert amounts[0] != amounts[1]


def test_an_earlier_hour_of_the_same_day_gives_the_same_drafts_but_for_the_later_ones() -> None:
    morning = list(play(now=NOON - timedelta(hours=3)).drafts())
    evening = list(play(now=NOON + timedelta(hours=9)).drafts())
    assert len(morning) < len(evening)
    assert morning == evening[: len(morning)]


@pytest.mark.django_db
def test_the_books_hold_exactly_the_drafts(demo: Seeded) -> None:
    drafts = {draft.id: draft for draft in play().drafts()}
    rows = Transaction.objects.in_bulk(list(drafts))
    assert demo.transactions == len(drafts) == len(rows) == Transaction.objects.count()
    for id, row in rows.items():
        draft = drafts[id]
        assert (row.from_account_id, row.to_account_id) == (draft.from_account, draft.to_account)
        assert (row.amount, row.metadata) == (draft.amount, draft.metadata)
        assert (row.description, row.created_at) == (draft.description, draft.created_at)


# --- what it looks like


@pytest.mark.parametrize("day", DAYS, ids=str)
@pytest.mark.parametrize("clock", ["00:00:01", "00:05:00", "23:55:00"])
def test_the_history_ends_today_and_never_in_the_future(day: date, clock: str) -> None:
    now = timezone.make_aware(datetime.fromisoformat(f"{day} {clock}"))
    moments = [draft.created_at for draft in play(months=1, now=now).drafts() if draft.created_at]
    assert moments == sorted(moments)
    assert moments[-1] <= now
    assert timezone.localdate(moments[-1]) == day


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati"])
def test_the_days_are_those_of_the_bank_where_clocks_change(zone: str) -> None:
    with timezone.override(zone):
        moments = [draft.created_at for draft in play(months=9).drafts() if draft.created_at]
        assert moments == sorted(moments)
        assert timezone.localdate(moments[-1]) == timezone.localdate(NOON)


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_ana_has_something_on_her_statement_today(day: date) -> None:
    now = timezone.make_aware(datetime.fromisoformat(f"{day} 00:05"))
    world = play(now=now)
    everyday = world.people[0].everyday.id
    hers = [d.created_at for d in world.drafts() if everyday in (d.from_account, d.to_account)]
    assert timezone.localdate(hers[-1]) == day


def test_every_amount_is_a_decimal_that_fits_its_currency() -> None:
    world = play(users=60)
    currencies = currency_of(world)
    seen = set()
    for draft in world.drafts():
        assert isinstance(draft.amount, Decimal)
        assert draft.amount > 0
        currency = currencies[draft.from_account or draft.to_account]
        assert fits(draft.amount, currency)
        seen.add(currency)
    assert {"USD", "EUR", "JPY", "KWD"} <= seen


def test_all_metadata_has_a_category_and_a_channel() -> None:
    for draft in play(users=60).drafts():
        assert draft.metadata is not None
        assert draft.metadata["category"].islower()
        assert draft.metadata["channel"] in CHANNELS
        assert draft.description
        assert (draft.metadata["channel"] != "card") or {"merchant", "covers"} & set(draft.metadata)


@pytest.mark.parametrize("seed", range(5))
def test_nothing_the_people_intend_has_to_be_left_out_for_want_of_money(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Salaries, rents and companies' funds are in proportion: a year without a refusal."""
    world = play(seed=seed, months=12)
    names = {id(a): p.part.name for p in world.people for a in p.accounts.values()}
    short: list[str] = []
    move = world_module._move

    def move_and_note(event: Event) -> bool:
        moved = move(event)
        if not moved:
            short.append(f"{names[id(event.source)]}: {event.description}")
        return moved

    monkeypatch.setattr(world_module, "_move", move_and_note)
    assert len(list(world.drafts())) > 5000
    assert short == []


def test_people_without_money_pay_for_nothing_and_nothing_is_refused(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rich = sum(1 for _ in play(months=1).drafts())
    monkeypatch.setattr(stories, "opening", lambda _person: iter(()))
    made = seeding.seed(users=24, months=1, seed=7, now=NOON)
    assert 0 < made.transactions < rich
    assert audit().clean


def test_ana_is_paid_on_a_working_day_each_month_and_pays_the_rent_on_the_first() -> None:
    world = play(months=12)
    everyday = world.people[0].everyday.id
    hers = [d for d in world.drafts() if everyday in (d.from_account, d.to_account)]
    salaries = [d for d in hers if (d.metadata or {})["category"] == "salary"]
    rents = [d for d in hers if (d.metadata or {})["category"] == "rent"]
    assert [d.amount for d in salaries] == [Decimal(3480)] * 12
    assert {d.from_account for d in salaries} == {world.people[3].everyday.id}
    assert all(timezone.localdate(d.created_at).weekday() < 5 for d in salaries)
    assert salaries[-1].reference == "NW-2026-04"
    assert [timezone.localdate(d.created_at).day for d in rents] == [1] * 12
    assert rents[-1].description == "Rent for May"


@pytest.mark.parametrize("users", [3, 4, 13, 40])
def test_any_number_of_people_gives_a_bank(users: int) -> None:
    world = play(users=users, months=1)
    assert len(world.people) == users
    assert len({person.email for person in world.people}) == users
    assert all(email.isascii() for email in (person.email for person in world.people))
    assert list(world.drafts())


# --- in the books


def test_the_audit_is_clean_after_seeding(demo: Seeded) -> None:
    result = audit()
    assert result.findings == []
    assert (result.accounts, result.transactions) == (demo.accounts, demo.transactions)


def test_the_demo_shows_an_overdraft_a_frozen_a_closed_and_an_unused_account(demo: Seeded) -> None:
    overdrawn = Account.objects.get(overdraft_limit__gt=0)
    assert -500 <= overdrawn.balance < 0
    assert Account.objects.get(status="frozen").balance > 0
    closed = Account.objects.get(status="closed")
    assert (closed.balance, closed.entries.exists()) == (0, True)
    change = StatusChange.objects.get(account=closed)
    assert change.reason
    assert change.changed_by == User.objects.get(email="staff@example.com")
    assert Account.objects.get(last_entry_at=None).user.name == "Tove Østergaard"


def test_the_demo_shows_a_hold_of_each_kind_and_a_refund(demo: Seeded) -> None:
    ana = Transaction.objects.filter(from_account__user__email="ana@example.com")
    pending = ana.get(status="pending")
    assert (pending.description, pending.from_account.name) == ("Hotel Aurora", "Travel")
    assert pending.expires_at - NOON == timedelta(days=9)
    captured = ana.get(status="captured")
    assert captured.captured_by.get().amount < captured.amount
    released = ana.get(status="voided")
    assert released.notes.get().action == "release"
    assert released.notes.get().written_by.email == "staff@example.com"
    refund = Transaction.objects.get(reverses__isnull=False)
    assert refund.reverses in ana
    assert refund.reverses.description == "Book Nook"
    held = Account.objects.exclude(held=0)
    assert [(account.name, account.held) for account in held] == [("Travel", pending.amount)]


def test_ana_has_noted_things_that_the_search_finds(demo: Seeded) -> None:
    ana = User.objects.get(email="ana@example.com")
    used = {tag.tag: tag.count for tag in tags_in_use(ana)}
    assert used["holiday"] > used["lisbon"] > 1
    assert noted(ana).exists()


def test_a_run_that_was_interrupted_before_the_release_makes_up_for_it(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"users": 14, "months": 1, "seed": 7, "now": NOON}
    with monkeypatch.context() as patch:
        patch.setattr(seeding, "_release_holds", lambda _users: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            seeding.seed(**options)
    assert not Transaction.objects.filter(status="voided").exists()
    seeding.seed(**options)
    assert Transaction.objects.get(status="voided").notes.count() == 1
    assert audit().clean


def test_ana_has_her_three_accounts(demo: Seeded) -> None:
    ana = User.objects.get(email="ana@example.com")
    accounts = Account.objects.owned_by(ana).values_list("name", "currency")
    assert list(accounts) == [("Everyday", "USD"), ("Savings", "USD"), ("Travel", "EUR")]
    assert all(Entry.objects.for_account(account).exists() for account in ana.accounts.all())


def test_the_latest_transaction_of_a_real_run_is_today(db: None) -> None:
    run()
    latest = Transaction.objects.aggregate(latest=Max("created_at"))["latest"]
    assert latest <= timezone.now()
    # The day may have turned since.
    assert timezone.localdate() - timezone.localdate(latest) <= timedelta(days=1)


def test_a_refusal_is_a_bug_and_stops_the_command(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drafts(world: World) -> Iterator[Draft]:
        yield Draft(from_account=world.people[0].everyday.id, amount=Decimal(1))

    monkeypatch.setattr(World, "drafts", drafts)
    with pytest.raises(CommandError, match="which is a bug: Everyday has"):
        run()


# --- signing in and roles


def test_the_three_sign_in_with_the_password_and_nobody_else_does(demo: Seeded) -> None:
    for email in ("ana@example.com", "analyst@example.com", "staff@example.com"):
        assert authenticate(None, username=email, password=PASSWORD) is not None
    assert sum(user.has_usable_password() for user in User.objects.all()) == 3


def test_the_analyst_reads_the_books_and_staff_correct_people_and_accounts(demo: Seeded) -> None:
    ana, analyst, staff = (
        User.objects.get(email=f"{name}@example.com") for name in ("ana", "analyst", "staff")
    )
    assert [group.name for group in analyst.groups.all()] == [ANALYSTS]
    assert [group.name for group in staff.groups.all()] == [STAFF]
    assert [(user.is_staff, user.is_superuser) for user in (ana, analyst, staff)] == [
        (False, False), (False, False), (True, False),
    ]  # fmt: skip
    assert not ana.get_all_permissions()
    assert analyst.has_perms(["transactions.view_transaction", "transactions.view_entry"])
    assert not analyst.has_perm("accounts.change_account")
    assert staff.has_perms(["accounts.change_account", "accounts.view_statuschange"])
    assert not any(
        staff.has_perm(f"transactions.{verb}_transaction") for verb in ("add", "change", "delete")
    )


def test_groups_are_made_once_and_keep_what_was_added_by_hand(db: None) -> None:
    groups = ensure_groups()
    extra = groups[STAFF].permissions.all()[0]
    groups[ANALYSTS].permissions.add(extra)
    ensure_groups()
    assert Group.objects.count() == 2
    assert extra in groups[ANALYSTS].permissions.all()


# --- running it


def test_debug_off_refuses_unless_forced(db: None, settings: Any) -> None:
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG is off"):
        run(force=False)
    assert not User.objects.exists()
    settings.DEBUG = True
    assert "Made 14 people" in run(force=False)


def test_the_end_says_what_was_made_and_how_to_sign_in(db: None) -> None:
    said = run()
    assert f"{Transaction.objects.count():,} transactions" in said
    assert "ana@example.com (customer), analyst@example.com" in said
    assert "ledger-demo" in said


@pytest.mark.parametrize("again", [{}, {"seed": 2}, {"users": 20}])
def test_a_second_run_adds_nothing_and_says_so(db: None, again: dict[str, int]) -> None:
    run()
    before = (User.objects.count(), Account.objects.count(), Transaction.objects.count())
    assert "nothing was added" in run(**again)
    assert before == (User.objects.count(), Account.objects.count(), Transaction.objects.count())


def test_a_run_on_a_later_day_adds_nothing(demo: Seeded) -> None:
    later = seeding.seed(users=24, months=2, seed=7, now=NOON + timedelta(days=9))
    assert later == Seeded()
    assert Transaction.objects.count() == demo.transactions


def test_an_interrupted_run_is_finished_by_the_same_call(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"users": 14, "months": 1, "seed": 7, "now": NOON}
    monkeypatch.setattr(seeding, "BATCH", 200)

    def stop(booked: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seeding.seed(**options, progress=stop)
    assert Transaction.objects.count() == 200
    made = seeding.seed(**options)
    assert Transaction.objects.count() == made.transactions > 200
    assert audit().clean
    assert authenticate(None, username="ana@example.com", password=PASSWORD) is not None


def test_an_interrupted_run_is_not_mixed_with_another(db: None) -> None:
    options: dict[str, Any] = {"users": 14, "months": 1, "seed": 7}

    def stop(booked: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seeding.seed(**options, now=NOON, progress=stop)
    with pytest.raises(SeedingError, match="was interrupted"):
        seeding.seed(**options, now=NOON + timedelta(days=1))


def test_other_people_in_the_database_are_not_touched(db: None) -> None:
    account = AccountFactory(balance=100)
    before = User.objects.values().get()
    run()
    account.refresh_from_db()
    assert account.balance == 100
    assert User.objects.values().get(pk=account.user_id) == before
    assert account.entries.count() == 1


def test_somebody_else_with_a_demo_address_keeps_it_and_the_demo_is_refused(db: None) -> None:
    UserFactory(email="jonas.weber@example.com", name="The other Jonas")
    with pytest.raises(CommandError, match=r"Somebody else signs in as jonas\.weber"):
        run()
    assert User.objects.count() == 1
    assert not Account.objects.exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"users": 2}, "--users is 3 or more"),
        ({"months": 0}, "--months is between 1 and 120; 0 is not"),
        ({"months": 121}, "--months is between 1 and 120; 121 is not"),
        ({"seed": -1}, "--seed is zero or more; -1 is not"),
        ({"today": date(2999, 1, 1)}, "2999-01-01 is yet to come"),
    ],
)
def test_a_wrong_option_is_one_clear_sentence(
    db: None, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence) as refusal:
        run(**options)
    assert "\n" not in str(refusal.value)
    assert not User.objects.exists()


def test_a_past_day_gives_the_whole_of_it(db: None) -> None:
    run(today=DAY)
    latest = Transaction.objects.aggregate(latest=Max("created_at"))["latest"]
    assert timezone.localdate(latest) == DAY
    assert timezone.localtime(latest).hour >= 20
