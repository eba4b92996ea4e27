"""What each form of a query finds, among one person's handful of rows."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Account, User
from tests.factories import AccountFactory
from tests.transactions.search.shared import ROLES, booked, names_of, pay, search_for
from transactions import services
from transactions.models import Transaction
from transactions.scope import Scope, scope_for
from transactions.search import engine as searching
from transactions.search.engine import find
from transactions.search.facets import COUNTED
from transactions.search.language.parser import parse
from transactions.search.sql import name_lookup

Books = dict[str, Transaction]
ALL = ["salary", "rent", "groceries", "lunch", "saved", "back", "fee"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("rent", ["rent", "back"]),  # "Rental deposit" too: a word is a beginning
        ("-rent", ["salary", "groceries", "lunch", "saved", "back", "fee"]),  # the word itself
        ('RENT "march"', ["rent"]),
        ("RENT march", ["rent", "back"]),  # booked in March
        ('"rent march"', ["rent"]),
        ('"march rent"', []),
        ('"ren"', []),
        ('"march" -salary', ["rent"]),
        ("corner or casa", ["groceries", "lunch"]),
        ("march salary or corner", ["salary", "groceries"]),
        ("porto", ["lunch"]),
        ("inv", ["rent"]),
        ("inv-7", ["rent"]),
        ("mara", ["rent", "back"]),
        ('lindt "march"', ["rent"]),
        ('"mara lindt"', ["rent", "back"]),
        ("-mara rent", []),
        ("-mara -rent", ["salary", "groceries", "lunch", "saved", "fee"]),
        ("ana", []),
        ("ferreira", []),
        ("zelenka", []),
        ("flat", []),  # the name of somebody else's account is theirs
        ("holiday", ["saved"]),
        ("everyday", ["saved"]),
        ("13.40", ["groceries"]),
        ("-13.40", ["groceries"]),
        ("+13.40", []),
        ("1 000.00", ["salary"]),
        ("-400.00 march", ["rent"]),
        ("\u221220", ["lunch"]),
        ("+1,000", ["salary"]),
        ("to:mara", ["rent"]),
        ("from:mara", ["back"]),
        ("with:mara", ["rent", "back"]),
        ("to:lind", ["rent"]),
        ("to:corner", ["groceries"]),  # a payment by card shows what it was for as the name
        ("to:PINHO", ["lunch"]),
        ("from:corner", []),
        ("with:corner", ["groceries"]),
        ("from:salary", ["salary"]),
        ("to:salary", []),
        ("to:rent", []),  # the row shows Mara
        ("to:porto", []),
        ("to:me corner", []),
        ('to:"casa pinho"', ["lunch"]),
        ('to:"pinho casa"', []),
        ('to:"cas"', []),
        ("-to:corner", ["salary", "rent", "lunch", "saved", "back", "fee"]),
        ("-to:corn", ALL),
        ("-with:mara -with:casa", ["salary", "groceries", "saved", "fee"]),
        ("to:mara or to:casa", ["rent", "lunch"]),
        ('to:"mara lindt"', ["rent"]),
        ("to:me", ["salary", "saved", "back"]),
        ("from:me", ["rent", "groceries", "lunch", "saved", "fee"]),
        ("from:ana", ["rent", "groceries", "lunch", "saved", "fee"]),
        ("-from:me", ["salary", "back"]),
        ("to:holiday", ["saved"]),
        ("account:holiday", ["saved"]),
        ("account:everyday", ALL),
        ("-account:everyday", []),
        ("amount:13.4", ["groceries"]),
        ("amount:>100", ["salary", "rent"]),
        ("amount:>=100", ["salary", "rent", "saved"]),
        ("amount:5..20", ["groceries", "lunch", "back"]),
        ("-amount:5..2000", ["fee"]),
        ("currency:usd", ALL),
        ("currency:EUR", []),
        ("date:2026-03-12", ["rent"]),
        ("date:2026-03-12..2026-03-13", ["rent", "groceries"]),
        ("date:>2026-03-15", ["back", "fee"]),
        ("date:2026-04", []),
        ("category:rent", ["rent"]),
        ("category:RENT", ["rent"]),
        ('category:"eating out"', ["lunch"]),
        ("category:eating", []),
        ("category:none", ["saved", "back", "fee"]),
        ("-category:none", ["salary", "rent", "groceries", "lunch"]),
        ("-category:rent", ["salary", "groceries", "lunch", "saved", "back", "fee"]),
        ("is:in", ["salary", "back"]),
        ("is:out", ["rent", "groceries", "lunch", "fee"]),
        ("is:own", ["saved"]),
        ("is:transfer", ["rent", "saved", "back"]),
        ("is:deposit", ["salary"]),
        ("type:withdrawal", ["groceries", "lunch", "fee"]),
        ("is:booked", ALL),
        ("is:hold", []),
        ("meta.channel:card", ["groceries", "lunch"]),
        ("meta.channel:CARD", ["groceries", "lunch"]),
        ("-meta.channel:card", ["salary", "rent", "saved", "back", "fee"]),
        ("meta.merchant.city:porto", ["lunch"]),
        ("meta.merchant.name:HARE", ["fee"]),
        ("meta.merchant.name:hound", ["fee"]),
        ("meta.merchant.name:hou", []),
        ('meta.merchant.name:"hare"', []),
        ('meta.merchant.name:"hare and HOUND"', ["fee"]),
        ("meta.merchant:hound", ["fee"]),
        ("meta.merchant:name", []),
        ("-meta.merchant.name:hare is:out", ["rent", "groceries", "lunch"]),
        ("meta.category:out", ["lunch"]),
        ("meta.fx.rate:>1.1", ["lunch"]),
        ("meta.fx.rate:1.250", ["lunch"]),
        ("meta.fx.rate:none", ["saved"]),
        ("meta.fx.rate:<1", []),
        ("meta.paid:true", ["lunch"]),
        ("has:meta.fx.rate", ["lunch", "saved"]),
        ("-has:meta.channel", ["salary", "saved", "back", "fee"]),
        ("has:meta.merchant", ["groceries", "lunch", "fee"]),
        ("ref:inv", ["rent"]),
        ("ref:march", []),
        ("rent or category:groceries date:2026", ["rent", "groceries", "back"]),
        ("is:out amount:>10 -meta.channel:card", ["rent"]),
        ("\U0001f389", []),
        ("rent \U0001f389", ["rent", "back"]),
        ("<b>", ["groceries", "fee"]),  # Braga, and <b>
        ("fee <b>", ["fee"]),
        ("'); drop table", []),
    ],
)
def test_a_query_finds(text: str, names: list[str], scope: Scope, books: Books) -> None:
    assert search_for(scope, text, books) == names


def test_an_id_finds_its_row_and_nobody_elses(scope: Scope, books: Books) -> None:
    assert search_for(scope, f"id:{books['rent'].pk}", books) == ["rent"]
    assert search_for(scope, f"id:{books['secret'].pk}", books) == []


def test_an_account_number_finds_its_rows(scope: Scope, mara: Account, books: Books) -> None:
    assert search_for(scope, f"to:{mara.number}", books) == ["rent"]
    assert search_for(scope, f'with:"{mara.number[:4]} {mara.number[4:]}"', books) == [
        "rent",
        "back",
    ]
    own = scope.accounts[1].number
    assert search_for(scope, f"account:{own}", books) == ["saved"]
    assert search_for(scope, f"account:{own[-4:]}", books) in (["saved"], ALL)


def test_holds_are_found_by_their_status(ana: User, mara: Account) -> None:
    everyday = scope_for(ana).accounts[0]
    services.deposit(to_account=everyday, amount=Decimal(100))
    held = {
        name: services.hold(from_account=everyday, to_account=mara, amount=Decimal(10))
        for name in ("pending", "captured", "released")
    }
    services.capture(hold=held["captured"])
    services.void(hold=held["released"])
    for name, row in held.items():
        assert [hit.pk for hit in find(scope_for(ana), f"is:{name}").rows] == [row.pk]
    assert len(find(scope_for(ana), "is:hold").rows) == 3
    assert len(find(scope_for(ana), "is:hold -is:pending").rows) == 2
    assert find(scope_for(ana), "is:expired").rows == []


def test_refunds_and_refunded_payments_are_found(scope: Scope, books: Books) -> None:
    refund = services.reverse(transaction=books["fee"])
    assert search_for(scope, "is:refunded", books) == ["fee"]
    assert [row.pk for row in find(scope, "is:refund").rows] == [refund.pk]


def test_a_payment_is_found_in_the_transaction_that_booked_it(scope: Scope, mara: Account) -> None:
    services.deposit(to_account=scope.accounts[0], amount=Decimal(9))
    paid = services.transfer(
        from_account=scope.accounts[0], to_account=mara, amount=Decimal(1), description="Fresh"
    )
    assert [row.pk for row in find(scope, "fresh").rows] == [paid.pk]


def test_the_better_match_comes_first_and_a_sort_may_be_chosen(
    scope: Scope, books: Books, mara: Account
) -> None:
    (later,) = booked(pay(9, "1", "Other", scope.accounts[0], metadata={"note": "rent"}))
    books = {**books, "later": later}
    assert names_of(find(scope, "rent"), books)[0] == "rent", "the description before details"
    assert names_of(find(scope, "rent", sort="newest"), books) == ["later", "back", "rent"]
    assert names_of(find(scope, "rent", sort="oldest"), books) == ["rent", "back", "later"]
    assert names_of(find(scope, "rent", sort="largest"), books) == ["rent", "back", "later"]
    assert find(scope, "is:in", sort="best").sort == "newest"
    assert find(scope, "is:in", sort="nonsense").sort == "newest"


def test_pages_join_without_a_gap(scope: Scope, monkeypatch: Any, books: Books) -> None:
    monkeypatch.setattr("transactions.search.engine.PAGE", 3)
    pages = [names_of(find(scope, "is:booked", page=page), books) for page in (1, 2, 3, 4)]
    assert pages == [["fee", "back", "saved"], ["lunch", "groceries", "rent"], ["salary"], []]
    assert [find(scope, "is:booked", page=page).has_more for page in (1, 2, 3)] == [
        True,
        True,
        False,
    ]


def test_there_are_pages_for_all_counted_matches(
    scope: Scope, monkeypatch: Any, books: Books
) -> None:
    assert searching.MOST_PAGES * searching.PAGE == COUNTED
    monkeypatch.setattr("transactions.search.engine.PAGE", 1)
    assert names_of(find(scope, "is:booked", page=6), books) == ["rent"]
    assert find(scope, "is:booked", page=6).has_more
    monkeypatch.setattr("transactions.search.engine.MOST_PAGES", 6)
    assert not find(scope, "is:booked", page=6).has_more
    assert find(scope, "is:booked", page=7).rows == []


def test_counts_and_totals_cover_all_matches(scope: Scope, books: Books, monkeypatch: Any) -> None:
    monkeypatch.setattr("transactions.search.engine.PAGE", 2)
    facets = find(scope, "is:booked").facets
    assert (facets.count, facets.is_cut) == (7, False)
    (total,) = facets.totals
    assert (total.money_in, total.money_out) == (Decimal(1005), Decimal("435.40"))
    assert facets.category == [("eating out", 1), ("groceries", 1), ("rent", 1), ("salary", 1)]
    assert facets.channel == [("card", 2), ("transfer", 1)]
    assert [(f"{month:%Y-%m}", count) for month, count in facets.month] == [("2026-03", 7)]
    everyday, pot = scope.accounts
    assert facets.account == [(everyday.pk, 7), (pot.pk, 1)]


def test_holds_are_counted_but_not_in_the_totals(ana: User) -> None:
    everyday = scope_for(ana).accounts[0]
    services.deposit(to_account=everyday, amount=Decimal(100))
    services.hold(from_account=everyday, amount=Decimal(30))
    facets = find(scope_for(ana), "currency:USD").facets
    assert facets.count == 2
    assert [(t.money_in, t.money_out) for t in facets.totals] == [(100, 0)]


def test_counts_stop_at_a_limit_and_say_so(scope: Scope, books: Books, monkeypatch: Any) -> None:
    monkeypatch.setattr("transactions.search.facets.COUNTED", 4)
    facets = find(scope, "is:booked").facets
    assert (facets.count, facets.is_cut) == (4, True)
    assert [(t.count, t.money_in, t.money_out) for t in facets.totals] == [(4, 5, 22)]
    assert sum(count for _, count in facets.month) == 4


def test_a_name_with_too_many_accounts_is_found_by_a_join(
    scope: Scope, books: Books, monkeypatch: Any
) -> None:
    monkeypatch.setattr(name_lookup, "MOST_NAMED", 2)
    for n in range(5):
        AccountFactory(user__name=f"Mara Other{n}")
    assert search_for(scope, "mara", books) == ["rent", "back"]
    assert search_for(scope, "-mara -rent", books) == [
        "salary",
        "groceries",
        "lunch",
        "saved",
        "fee",
    ]
    assert search_for(scope, "to:mara", books) == ["rent"]
    assert search_for(scope, "from:mara", books) == ["back"]
    assert search_for(scope, 'with:mara "march"', books) == ["rent"]
    (mara,) = booked(pay(9, "3", "Mara's kiosk", scope.accounts[0]))
    assert search_for(scope, "to:mara", {**books, "kiosk": mara}) == ["rent", "kiosk"]
    assert search_for(scope, "from:mara", books) == ["back"]


def test_somebody_without_accounts_finds_nothing(mara: Account, books: Books) -> None:
    nobody = User.objects.create_user("no@example.com", name="No")
    for text in ("rent", "is:booked", "from:me", ""):
        assert find(scope_for(nobody), text).rows == []


def test_over_the_whole_bank_with_and_without_names(ana: User, books: Books) -> None:
    seeing, blind = Scope(ana, is_bank=True), Scope(ana, is_bank=True, shows_names=False)
    assert search_for(seeing, "secretword", books) == ["secret"]
    assert search_for(seeing, "zelenka", books) == ["theirs", "secret"]
    assert search_for(seeing, "from:zelenka", books) == ["secret"]
    assert search_for(seeing, "account:flat", books) == ["hers", "rent", "back", "secret"]
    assert search_for(blind, "zelenka", books) == []
    assert search_for(blind, "from:zelenka", books) == []
    assert "account number" in find(blind, "from:zelenka").mistakes[0].sentence
    stranger = books["secret"].from_account
    assert stranger
    number = stranger.number
    assert search_for(blind, f"from:{number}", books) == ["secret"]
    assert search_for(blind, "meta.paid:true", books) == ["lunch"]
    assert search_for(blind, "meta.fx.rate:1.25", books) == ["lunch"]
    assert search_for(blind, "is:in category:salary", books) == ["salary"]
    assert search_for(blind, "rent -secretword", books) == ["rent", "back"]


def test_an_unknown_account_name_is_a_mistake(scope: Scope, books: Books) -> None:
    (mistake,) = find(scope, "account:holidy").mistakes
    assert "“holidy”" in mistake.sentence
    assert mistake.suggestions == ('account:"Holiday pot"',)


@pytest.mark.django_db
@given(st.one_of(st.text(max_size=80), st.lists(ROLES, max_size=15).map("".join)))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_is_answered(scope: Scope, text: str) -> None:
    find(scope, text)
    find(Scope(scope.reader, is_bank=True), text)


def test_long_and_broken_texts_are_answered(scope: Scope, books: Books) -> None:
    texts = ["x" * 10_000, "rent " * 500, "\x00" * 100, "\ud800" * 50, "-" * 300, '"' * 301]
    texts += ["meta." + "a." * 300 + "b:c", "amount:" + "9" * 400, "or " * 200, "to:a " * 60]
    for text in texts:
        find(scope, text)
    assert parse("x" * 10_000).mistakes
    assert isinstance(books["rent"].pk, UUID)
