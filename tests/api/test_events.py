"""Server-sent events: what happened since the last id, on one's own accounts, each once."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import services as account_services
from accounts.models import Account
from tests.api.calls import bearer, slug
from tests.factories import AccountFactory, hold_that_ended
from transactions import account_news, services
from transactions.account_news import NewsPosition
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
EVENTS = "/api/v1/events"
TEN = Decimal(10)


@dataclass
class Stream:
    """One answer: its events, each with its id, and the id to ask on with."""

    events: list[dict[str, Any]]
    ids: list[str]
    last: str
    retry: int

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]

    @property
    def transactions(self) -> list[str]:
        return [event["data"].get("transaction", "") for event in self.events]


def ask(client: Client, last: str = "", **query: Any) -> Stream:
    """Reads the answer as a browser does."""
    headers = {"Last-Event-ID": last} if last else {}
    answer = client.get(EVENTS, query, headers=headers)
    assert answer.status_code == 200, answer.content
    assert answer.headers["Content-Type"] == "text/event-stream"
    found = Stream([], [], "", 0)
    for block in answer.content.decode().removesuffix("\n\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.last = fields.get("id", found.last)
        found.retry = int(fields.get("retry", found.retry))
        if "data" in fields:
            event = json.loads(fields["data"])
            assert fields["event"] == event["type"]
            found.events.append(event)
            found.ids.append(found.last)
    return found


def pay(to_account: Account, amount: Decimal = TEN, **more: Any) -> str:
    return str(services.deposit(to_account=to_account, amount=amount, **more).pk)


def test_without_an_id_the_stream_begins_now(ana: Client, mine: Account) -> None:
    begun = ask(ana)
    assert begun.events == []
    paid = pay(mine)
    told = ask(ana, begun.last)
    (event,) = told.events
    assert event["type"] == "posted"
    assert event["data"] == {"account": str(mine.pk), "transaction": paid}
    assert ask(ana, told.last).events == []
    assert ask(ana, begun.last).transactions == [paid]  # as often as the same id is sent


def test_a_stream_that_was_cut_off_goes_on_after_the_last_event_that_was_read(
    ana: Client, mine: Account
) -> None:
    second = AccountFactory(user=mine.user)
    begun = ask(ana).last
    paid = [pay(account) for account in (mine, second, second, mine, second)]
    whole = ask(ana, begun)
    assert whole.transactions == paid
    for number, last in enumerate(whole.ids):
        assert ask(ana, last).transactions == paid[number + 1 :]


def test_each_way_to_move_money_is_told_in_order(ana: Client, mine: Account) -> None:
    other = AccountFactory()
    last = ask(ana).last
    paid = services.transfer(from_account=mine, to_account=other, amount=TEN)
    back = services.reverse(transaction=paid)
    hold = services.hold(from_account=mine, to_account=other, amount=TEN)
    taken = services.capture(hold=hold, amount=Decimal(4))
    told = ask(ana, last)
    assert list(zip(told.kinds, told.transactions, strict=True)) == [
        ("posted", str(paid.pk)),
        ("reversed", str(back.pk)),
        ("held", str(hold.pk)),
        ("captured", str(taken.pk)),
    ]
    assert [event["timestamp"] for event in told.events] == sorted(
        event["timestamp"] for event in told.events
    )


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_a_released_hold_is_told_once_wherever_the_reader_stopped(
    ana: Client, mine: Account, step: int
) -> None:
    last = ask(ana).last
    ends_at = timezone.now() + timedelta(days=1)
    kept = services.hold(from_account=mine, amount=TEN, expires_at=ends_at)
    actions: list[Callable[[], object]] = [
        lambda: services.void(hold=hold_that_ended(mine, TEN)),
        lambda: services.hold(from_account=mine, amount=Decimal(7), expires_at=ends_at),
        lambda: services.capture(hold=kept, amount=Decimal(3)),
        lambda: pay(mine),
    ]
    kinds: list[str] = []
    for number, act in enumerate(actions, 1):
        act()
        if number == step:
            told = ask(ana, last)
            kinds, last = told.kinds, told.last
    kinds += ask(ana, last).kinds
    assert sorted(kinds) == ["captured", "held", "held", "held", "posted", "voided"]
    assert ask(ana, ask(ana, last).last).kinds == []


def test_a_row_that_is_earlier_but_committed_later_is_not_missed(
    ana: Client, mine: Account
) -> None:
    second = AccountFactory(user=mine.user)
    begun = ask(ana).last
    pay(second)
    last = ask(ana, begun).last
    early = services.Draft(
        to_account=mine, amount=TEN, created_at=mine.created_at - timedelta(hours=1)
    )
    services.post_batch([early])
    row = Transaction.objects.oldest_first().filter(to_account=mine).last()
    assert row is not None
    assert not Transaction.objects.filter(to_account=second, created_at__lt=row.created_at).exists()
    assert ask(ana, last).transactions == [str(row.pk)]


def test_more_than_an_answer_holds_is_told_by_the_next_ones(
    ana: Client, mine: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_news, "MAX_ROWS", 3)
    second = AccountFactory(user=mine.user)
    last, found, answers = ask(ana).last, [], 0
    paid = [pay(account) for account in (mine, mine, second, mine, second, mine, mine)]
    while True:
        told = ask(ana, last)
        found += told.transactions
        last, answers = told.last, answers + 1
        if told.retry == 5000:
            break
        assert told.retry == 100
    assert (found, answers) == (paid, 3)


def test_a_payment_between_own_accounts_is_an_event_of_each(ana: Client, mine: Account) -> None:
    second = AccountFactory(user=mine.user)
    last = ask(ana).last
    services.transfer(from_account=mine, to_account=second, amount=TEN)
    told = ask(ana, last)
    assert {event["data"]["account"] for event in told.events} == {str(mine.pk), str(second.pk)}
    assert len(set(told.transactions)) == 1
    assert len(ask(ana, last, account=second.pk).events) == 1


def test_an_account_that_opens_freezes_and_closes(ana: Client, mine: Account) -> None:
    last = ask(ana).last
    new = AccountFactory(user=mine.user)
    paid = pay(new)
    told = ask(ana, last)
    assert told.kinds == ["account.opened", "posted"]
    assert told.transactions == ["", paid]
    account_services.freeze_account(account=new, reason="Lost card")
    told = ask(ana, told.last)
    assert told.kinds == ["account.frozen"]
    account_services.unfreeze_account(account=new, reason="Found")
    told = ask(ana, told.last)
    assert told.kinds == ["account.unfrozen"]
    services.withdraw(from_account=new, amount=TEN)
    account_services.close_account(account=new, reason="Asked")
    told = ask(ana, told.last)
    assert told.kinds == ["posted", "account.closed"]
    assert new.pk.hex[-12:] not in told.last
    assert ask(ana, told.last).kinds == []
    assert ask(ana, account=new.pk).events == []


def test_of_a_stranger_nothing_is_told(ana: Client, mine: Account, theirs: Account) -> None:
    begun = ask(ana).last
    mine.refresh_from_db()
    theirs.refresh_from_db()
    forged = str(NewsPosition.now([mine, theirs]))
    assert theirs.pk.hex[-12:] in forged
    pay(theirs)
    for last in (begun, forged, "1"):
        told = ask(ana, last)
        assert str(theirs.pk) not in json.dumps(told.events)
        assert theirs.pk.hex[-12:] not in told.last
    answer = ana.get(EVENTS, {"account": str(theirs.pk)})
    assert (answer.status_code, slug(answer)) == (404, "not-found")


def test_what_is_no_id_of_the_stream_is_refused(ana: Client, mine: Account) -> None:
    good = ask(ana).last
    wrong = (
        "17", "2~", good + "~", good + "~x", good.replace(".a", ".x"), "1~" + "0" * 12 + ".n.0",
        good.replace("~", "~\u0661"), "~".join(["1", *[good.split("~")[1]] * 151]), "1~.1.1.a",
        f"1~{mine.pk.hex[-12:]}.-99999999999999999.0.a",
    )  # fmt: skip
    for last in wrong:
        answer = ana.get(EVENTS, headers={"Last-Event-ID": last})
        assert (answer.status_code, slug(answer)) == (400, "invalid-request"), last
    assert ana.get(EVENTS, {"account": "x"}).status_code == 400
    assert ana.get(EVENTS, {"acount": str(mine.pk)}).status_code == 400


def test_the_id_of_a_person_with_very_many_accounts_fits_into_a_header(mine: Account) -> None:
    mine.held, mine.last_entry_at = Decimal("123456789.01"), timezone.now()
    copies = [Account(pk=AccountFactory.build().pk, user=mine.user) for _ in range(300)]
    for copy in copies:
        copy.minor_units, copy.held, copy.last_entry_at = 2, mine.held, mine.last_entry_at
    position = NewsPosition.now(copies)
    assert len(position.accounts) == 150
    assert len(str(position)) < 8000
    assert NewsPosition.read(str(position)) == position


def test_a_token_needs_the_scope_read(client: Client, mine: Account) -> None:
    assert client.get(EVENTS).status_code == 401
    assert client.get(EVENTS, headers=bearer(mine.user, "pay")).status_code == 403
    assert client.get(EVENTS, headers=bearer(mine.user, "read")).status_code == 200


def test_where_nothing_is_new_one_query_is_enough(
    ana: Client, mine: Account, django_assert_num_queries: Any
) -> None:
    AccountFactory(user=mine.user, balance="5")
    position = NewsPosition.now(list(Account.objects.owned_by(mine.user)))
    with django_assert_num_queries(1):
        account_news.news_of(list(Account.objects.owned_by(mine.user)), position)
    pay(mine)
    with django_assert_num_queries(2):
        account_news.news_of(list(Account.objects.owned_by(mine.user)), position)
