"""The people of the demo and what they do: the same for the same seed and day, and believable."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from ledger.text.currencies import fits, minor_units
from tests.transactions.demo.bank import NOON, play
from transactions.demo import world as world_module
from transactions.demo.cast import COLLEAGUES
from transactions.demo.people import Event
from transactions.demo.world import World

CHANNELS = {"card", "transfer", "cash", "direct debit", "bank"}  # no order of the demo has paid yet
# Month ends, a leap day, the turn of a year, and the days that salaries and rents fall on.
DAYS = [
    date(2024, 2, 29), date(2025, 1, 1), date(2025, 3, 31), date(2026, 5, 25), date(2026, 8, 1),
]  # fmt: skip


def who_and_where(world: World) -> list[tuple[Any, ...]]:
    return [
        (person.id, person.email, person.role.name, account.id, account.number, account.created_at)
        for person in world.people
        for account in person.accounts.values()
    ]


def currency_of(world: World) -> dict[Any, str]:
    return {a.id: a.currency for person in world.people for a in person.accounts.values()}


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
        assert fits(draft.amount, minor_units(currency))
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
    names = {id(a): p.role.name for p in world.people for a in p.accounts.values()}
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
    assert len(world.people) == users + len(COLLEAGUES)
    assert len({person.email for person in world.people}) == len(world.people)
    assert all(email.isascii() for email in (person.email for person in world.people))
    assert list(world.drafts())
