"""Lines of an outside statement are matched with payments of the books, by rules and by hand."""

from datetime import timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from django.utils import timezone

from accounts.models import Account, User
from banking.outside.formats.lines import UnreadableStatement
from banking.reconciliation import services
from banking.reconciliation.models import (
    Reconciliation,
    ReconciliationLine,
    ReconciliationMatch,
)
from banking.reconciliation.reads import (
    SUGGESTED,
    Part,
    add_suggestions,
    figures_of,
    matched_elsewhere,
    suggestions,
    total_not_in_file,
)
from tests.banking.reconciliation.files import (
    line_of,
    paid_in,
    seen_now,
    settled,
    statement,
    today,
)
from tests.factories import AccountFactory, UserFactory
from transactions import services as posting
from transactions.exceptions import InvalidDetails

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> Account:
    return AccountFactory(user__name="Ana Ferreira")


@pytest.fixture
def by() -> User:
    return UserFactory(name="Clerk")


def matched(whose: Reconciliation) -> list[tuple[Decimal, str]]:
    """The lines that are matched, with the texts of their payments."""
    rows = ReconciliationMatch.objects.filter(line__reconciliation=whose)
    found = rows.order_by("line__number", "transaction__created_at")
    return [(row.amount, row.transaction.description) for row in found]


def test_rules_match_money_in_and_out_of_the_bank(ana: Account, by: User) -> None:
    paid_in(ana, "100", description="Salary")
    posting.withdraw(from_account=ana, amount=Decimal(30), description="Cash")
    whose = statement("100.00,ACME,,", "-30.00,ATM,,", "7.00,Nobody,,")
    assert services.match_sure(reconciliation=whose, by=by) == 2
    assert matched(whose) == [(100, "Salary"), (30, "Cash")]
    assert services.match_sure(reconciliation=whose, by=by) == 0, "again, nothing more"


def test_a_payment_within_the_bank_is_none_of_a_settlement_account(ana: Account, by: User) -> None:
    paid_in(ana, "50", description="In")
    posting.transfer(from_account=ana, to_account=AccountFactory(), amount=Decimal(20))
    whose = statement("20.00,,,", "-20.00,,,")
    assert services.match_sure(reconciliation=whose, by=by) == 0
    assert total_not_in_file(whose).total == 50


def test_the_entries_of_an_account_of_the_books(ana: Account, by: User) -> None:
    paid_in(ana, "50", description="In")
    other = AccountFactory(balance="9", user__name="Other")
    posting.transfer(from_account=ana, to_account=other, amount=Decimal(20), description="Out")
    whose = statement("50.00,,,", "-20.00,,,", "9.00,,,", account=ana)
    assert services.match_sure(reconciliation=whose, by=by) == 2
    assert matched(whose) == [(50, "In"), (20, "Out")]
    theirs = statement("20.00,,,", account=other)
    assert services.match_sure(reconciliation=theirs, by=by) == 1, "the other side of the same"


def test_the_reference_decides_between_equal_amounts(ana: Account, by: User) -> None:
    for reference in ("B", "A"):
        paid_in(ana, "5", reference=reference, description=reference)
    earlier = today() - timedelta(days=2)
    whose = statement(f"{earlier},5.00,,,A", f"{earlier},5.00,,,B", f"{earlier},5.00,,,C")
    assert services.match_sure(reconciliation=whose, by=by) == 2
    assert matched(whose) == [(5, "A"), (5, "B")]


def test_equal_payments_of_a_day_are_matched_if_there_are_as_many(ana: Account, by: User) -> None:
    for text in ("one", "two"):
        paid_in(ana, "3", description=text)
    unsure = statement("3.00,,,")
    assert services.match_sure(reconciliation=unsure, by=by) == 0
    assert services.match_sure(reconciliation=statement("3.00,,,", "3.00,,,"), by=by) == 2


def test_a_payment_some_days_away_is_sure_if_it_is_the_only_one(ana: Account, by: User) -> None:
    paid_in(ana, "8", description="eight")
    near, far = today() - timedelta(days=3), today() - timedelta(days=4)
    assert services.match_sure(reconciliation=statement(f"{far},8.00,,,"), by=by) == 0
    twice = statement(f"{near},8.00,,,", f"{near},8.00,,,")
    assert services.match_sure(reconciliation=twice, by=by) == 0, "one payment for two lines"
    assert services.match_sure(reconciliation=statement(f"{near},8.00,,,"), by=by) == 1


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("Bob,Gift for Bob,", "Cake for Anna"),
        ("Bob,Transfer from Bob,", "Transfer from Anna"),
        ("Miller GmbH,Invoice 4711 Miller GmbH,", "Invoice 0815 Schmidt GmbH"),
    ],
)
def test_words_of_all_kinds_of_payments_are_not_in_common(
    ana: Account, by: User, line: str, text: str
) -> None:
    paid_in(ana, "3.50", description=text)
    for day in (today(), today() - timedelta(days=2)):
        whose = statement(f"{day},3.50,{line}")
        assert services.match_sure(reconciliation=whose, by=by) == 0


def test_a_payment_that_is_older_than_all_lines_may_be_one_of_them(ana: Account, by: User) -> None:
    paid_in(ana, "8", description="eight")
    for later, is_sure in ((4, False), (3, True)):
        whose = statement(f"{today() + timedelta(days=later)},8.00,,,")
        assert services.match_sure(reconciliation=whose, by=by) == is_sure


@pytest.mark.parametrize(
    ("line", "text", "is_sure"),
    [
        ("Account fee,,FEE-11", "Café Açaí", False),
        ("Account fee,,", "Café Açaí", False),
        ("Café Açaí Lisbon,,FEE-11", "CAFÉ Açaí", True),
        (",card 4471 café,", "Café", True),
        (",of it,", "Sum of it", False),  # such short words are in many texts
        (",,FEE-11", "", True),
        (",,", "Café", True),
    ],
)
def test_some_days_away_the_texts_have_to_agree(
    ana: Account, by: User, line: str, text: str, is_sure: bool
) -> None:
    paid_in(ana, "3.50", description=text)
    whose = statement(f"{today() - timedelta(days=2)},3.50,{line}")
    assert services.match_sure(reconciliation=whose, by=by) == is_sure
    same_day = statement(f"3.50,{line}")
    assert services.match_sure(reconciliation=same_day, by=by) == (not is_sure)


@pytest.mark.parametrize(
    ("description", "text", "is_sure"),
    [
        ("Interest November 2026", "Rent November 2026", False),
        ("Interest 30 NOV 2026", "Rent 30 Nov. 2026", False),
        ("Zinsen März 2026", "Miete März 2026", False),
        ("Zinsen Dezember", "Miete Dezember", False),
        ("Rent November 2026 Mara", "Rent November 2026", True),
    ],
)
def test_months_and_figures_are_no_words_in_common(
    ana: Account, by: User, description: str, text: str, is_sure: bool
) -> None:
    paid_in(ana, "9.90", description=text)
    for day in (today() - timedelta(days=2), today()):
        whose = statement(f"{day},9.90,Bank,{description},")
        assert services.match_sure(reconciliation=whose, by=by) == is_sure
        ReconciliationMatch.objects.all().delete()


@pytest.mark.parametrize(
    ("line", "text", "is_sure"),
    [
        ("Bank,Interest,", "Rent of Mara", False),
        ("Bank,Interest,", "", True),
        ("Mara Lang,,", "Rent", True),  # who and what for are not the same fact
        ("Mara Lang,Standing order,", "Rent of Mara", True),
        ("Bank,11/2026,", "Rent of Mara", True),  # a text of figures says nothing
        ("Bank,Order of Ferreira,", "Rent of Mara", True),  # the holder of the account
    ],
)
def test_on_one_day_two_descriptions_have_to_agree(
    ana: Account, by: User, line: str, text: str, is_sure: bool
) -> None:
    paid_in(ana, "9.90", description=text)
    whose = statement(f"9.90,{line}")
    assert services.match_sure(reconciliation=whose, by=by) == is_sure
    assert len(suggestions(whose, line_of(whose, 1))) == (not is_sure), "still suggested"


@pytest.mark.parametrize("way", ["in", "out"])
def test_the_other_side_of_an_account_is_a_text_of_its_payments(
    ana: Account, by: User, way: str
) -> None:
    mara = AccountFactory(balance="50", user__name="Mara Lang")
    sides = (mara, ana) if way == "in" else (ana, mara)
    paid_in(ana, "50")
    posting.transfer(
        from_account=sides[0], to_account=sides[1], amount=Decimal("9.90"), description="Rent"
    )
    sign = "" if way == "in" else "-"
    own = statement(f"{sign}9.90,,Order of Ferreira,", account=ana)
    assert services.match_sure(reconciliation=own, by=by) == 0, "every payment has this name"
    other = statement(f"{sign}9.90,,Order of Lang,", account=ana)
    assert services.match_sure(reconciliation=other, by=by) == 1


def test_equal_payments_of_a_day_are_matched_in_the_order_of_their_descriptions(
    ana: Account, by: User
) -> None:
    for text in ("Rent", "Fuel", "Bread"):
        paid_in(ana, "3.50", description=text)
    whose = statement("3.50,,Fuel,", "3.50,,Interest,", "3.50,,Bread,")
    assert services.match_sure(reconciliation=whose, by=by) == 2
    assert matched(whose) == [(Decimal("3.50"), "Fuel"), (Decimal("3.50"), "Bread")]


@pytest.mark.parametrize(
    ("of_line", "of_payment", "is_sure"),
    [
        ("INVOICE-2026-000", "INVOICE-2026-00012", True),  # cut by MT940
        ("INVOICE-2026-00012", "INVOICE-2026-000", True),
        ("INVOICE-2026-00", "INVOICE-2026-00012", False),
        ("INVOICE-2025-000", "INVOICE-2026-00012", False),
        ("INVOICE_2026_00%", "INVOICE-2026-00012", False),
    ],
)
def test_a_reference_of_sixteen_characters_may_be_cut(
    ana: Account, by: User, of_line: str, of_payment: str, is_sure: bool
) -> None:
    paid_in(ana, "3.50", description="Books", reference=of_payment)
    for day in (today() - timedelta(days=2), today()):
        whose = statement(f"{day},3.50,,Books,{of_line}")
        assert services.match_sure(reconciliation=whose, by=by) == is_sure
        ReconciliationMatch.objects.all().delete()


def test_two_references_that_differ_are_never_sure(ana: Account, by: User) -> None:
    paid_in(ana, "3.50", description="Fee", reference="CARD-9")
    near = today() - timedelta(days=1)
    for whose in (statement("3.50,,Fee,FEE-11"), statement(f"{near},3.50,,Fee,FEE-11")):
        assert services.match_sure(reconciliation=whose, by=by) == 0


def test_a_text_chooses_no_payment_among_several(ana: Account, by: User) -> None:
    for text in ("Fuel", "Bread"):
        paid_in(ana, "3.50", description=text)
    whose = statement(f"{today() - timedelta(days=2)},3.50,Bread,,")
    assert services.match_sure(reconciliation=whose, by=by) == 0


def test_what_one_statement_has_matched_no_other_one_matches(ana: Account, by: User) -> None:
    row = paid_in(ana, "8", description="eight")
    first, second = statement("8.00,,,"), statement("8.00,,,")
    assert services.match_sure(reconciliation=first, by=by) == 1
    assert services.match_sure(reconciliation=second, by=by) == 0
    with pytest.raises(InvalidDetails, match="payment is already matched"):
        services.match(line=line_of(second, 1), transaction=row.pk, by=by)


def test_a_line_is_split_over_payments_and_a_payment_over_lines(ana: Account, by: User) -> None:
    small, large = paid_in(ana, "40", description="small"), paid_in(ana, "70", description="large")
    whose = statement("100.00,Batch,,", "10.00,Rest,,")
    assert services.match(line=line_of(whose, 1), transaction=small.pk, by=by) == 40
    assert line_of(whose, 1).rest == 60
    assert services.match(line=line_of(whose, 1), transaction=large.pk, by=by) == 60
    with pytest.raises(InvalidDetails, match="line is already matched"):
        services.match(line=line_of(whose, 1), transaction=large.pk, by=by)
    assert services.match(line=line_of(whose, 2), transaction=large.pk, by=by) == 10
    figures = figures_of(whose)
    assert (figures.matched, figures.open.count) == (Part(2, Decimal(110)), 0)
    assert total_not_in_file(whose).count == 0


def test_matched_left_over_and_open_add_up_to_the_file(ana: Account, by: User) -> None:
    posting.deposit(to_account=ana, amount=Decimal(100))
    went = [
        posting.withdraw(from_account=ana, amount=Decimal(each)) for each in ("3.60", "2", "0.50")
    ]
    came = paid_in(ana, "40")
    whose = statement("-4.50,Bank,Fee,", "-9.00,Bank,Fee,", "70.00,Batch,,", "-0.50,Bank,Fee,")
    for place, paid in zip((1, 2, 4, 3), (*went, came), strict=True):
        services.match(line=line_of(whose, place), transaction=paid.pk, by=by)
    services.leave_over(line=line_of(whose, 1), reason="Booked in December")
    figures = figures_of(whose)
    assert figures.all == Part(4, Decimal(56))
    assert figures.matched == Part(1, Decimal("33.90"))
    assert figures.left == Part(1, Decimal("-0.90"))
    assert figures.open == Part(2, Decimal(23))


def test_a_match_is_taken_back(ana: Account, by: User) -> None:
    row = paid_in(ana, "40")
    whose = statement("40.00,,,")
    services.match(line=line_of(whose, 1), transaction=row.pk, by=by)
    match = ReconciliationMatch.objects.get()
    services.unmatch(line=line_of(whose, 1), match=match.pk)
    with pytest.raises(InvalidDetails, match="already removed"):
        services.unmatch(line=line_of(whose, 1), match=match.pk)
    assert line_of(whose, 1).rest == 40


@pytest.mark.parametrize("wrong", ["direction", "currency", "hold", "missing"])
def test_payments_that_do_not_fit_are_refused(ana: Account, by: User, wrong: str) -> None:
    row = paid_in(ana, "40")
    if wrong == "direction":
        row = posting.withdraw(from_account=ana, amount=Decimal(40))
    elif wrong == "currency":
        row = paid_in(AccountFactory(currency="EUR"), "40")
    elif wrong == "hold":
        row = posting.hold(from_account=ana, amount=Decimal(40))
    which = row.created_by_id or AccountFactory().pk if wrong == "missing" else row.pk
    whose = statement("40.00,,,")
    with pytest.raises(InvalidDetails, match="not booked on this settlement account"):
        services.match(line=line_of(whose, 1), transaction=which, by=by)
    assert line_of(whose, 1).rest == 40


def test_suggestions_have_the_exact_amount_and_the_nearest_day_first(ana: Account) -> None:
    for amount in ("41", "40", "400"):
        paid_in(ana, amount, description=amount)
    posting.withdraw(from_account=ana, amount=Decimal(40), description="out")
    whose = statement("40.00,,,")
    found = [row.description for row in suggestions(whose, line_of(whose, 1))]
    assert found == ["40", "41", "400"]


def test_among_many_of_an_amount_the_likeliest_are_suggested(ana: Account) -> None:
    now = timezone.now()
    noon = timezone.localtime(now - timedelta(days=5)).replace(hour=12)
    drafts = [("by reference", "R7", 9), ("Rent of MAY", "", 8), ("other", "", 7)]
    times = [(text, ref, now - timedelta(days=days)) for text, ref, days in drafts]
    times += [("same day", "", noon)]
    times += [(f"later {n}", "", now - timedelta(minutes=50 - n)) for n in range(40)]
    times += [("newest", "R9", now)]
    posting.post_batch(
        [
            posting.Draft(to_account=ana, amount=40, description=text, reference=ref, created_at=at)
            for text, ref, at in times
        ]
    )
    day = noon.date()
    whose = statement(f"{day},40.00,,rent of may,R7")
    line = line_of(whose, 1)
    found = [row.description for row in suggestions(whose, line)]
    assert found[:4] == ["by reference", "Rent of MAY", "same day", "other"]
    assert len(found) == SUGGESTED
    add_suggestions(whose, [line])
    assert line.suggested.description == "by reference"  # type: ignore[attr-defined]
    newest = line_of(statement(f"{day},40.00,,,R9"), 1)
    add_suggestions(newest.reconciliation, [newest])
    assert newest.suggested.description == "newest"  # type: ignore[attr-defined]


def test_a_payment_is_suggested_to_one_line_of_its_direction(ana: Account) -> None:
    paid_in(ana, "40")
    whose = statement("-40.00,,,", "40.00,,,", "40.00,,,")
    lines = [line_of(whose, number) for number in (1, 2, 3)]
    add_suggestions(whose, lines)
    assert [line.suggested is not None for line in lines] == [False, True, False]  # type: ignore[attr-defined]


def test_what_is_left_over_is_not_matched_by_the_rules(ana: Account, by: User) -> None:
    row = paid_in(ana, "40")
    whose = statement("40.00,,,")
    services.leave_over(line=line_of(whose, 1), reason="Of another bank")
    assert services.match_sure(reconciliation=whose, by=by) == 0
    services.match(line=line_of(whose, 1), transaction=row.pk, by=by)  # but by hand it is
    figures = figures_of(whose)
    assert (figures.matched.count, figures.left.count, figures.all.count) == (1, 0, 1)


def test_the_file_lacks_what_of_a_payment_is_unmatched(ana: Account, by: User) -> None:
    row = paid_in(ana, "40")
    posting.withdraw(from_account=ana, amount=Decimal(3))
    whose = statement("25.00,,,")
    services.match(line=line_of(whose, 1), transaction=row.pk, by=by)
    lacking = total_not_in_file(whose)
    assert (lacking.count, lacking.total) == (2, 15 - 3)


def test_a_leftover_has_a_reason_and_can_be_opened_again(by: User) -> None:
    whose = statement("-2.50,Bank,Fee,")
    services.leave_over(line=line_of(whose, 1), reason="  Booked in December ")
    assert line_of(whose, 1).leftover == "Booked in December"
    assert figures_of(whose).may_be_signed
    services.leave_over(line=line_of(whose, 1), reason="")
    assert not figures_of(whose).may_be_signed


def test_a_long_reason_is_refused_before_it_is_tidied(by: User) -> None:
    whose = statement("-2.50,Bank,Fee,")
    with pytest.raises(InvalidDetails):
        services.leave_over(line=line_of(whose, 1), reason=f"A{' ' * 1_000_000}fee")
    assert line_of(whose, 1).leftover == ""


def test_a_file_that_cannot_be_read_leaves_nothing(by: User) -> None:
    for lines in (("40.00,,,", "4x0,,,"), ("1e400,,,",)):
        with pytest.raises(UnreadableStatement):
            statement(*lines)
    assert not Reconciliation.objects.exists()
    assert not ReconciliationLine.objects.exists()


def test_columns_that_nobody_can_guess_are_named_in_the_refusal(by: User) -> None:
    with pytest.raises(UnreadableStatement, match="the names of a date and an amount column"):
        services.upload(BytesIO(b"a,b\n1,2\n"), by=by, name="x", currency="USD")


def test_discarding_deletes_it_with_its_matches(ana: Account, by: User) -> None:
    paid_in(ana, "40")
    whose = settled(statement("40.00,,,", "7.00,,,"), by)
    services.discard(reconciliation=whose, seen=seen_now(whose))
    assert not ReconciliationMatch.objects.exists()
    assert not Reconciliation.objects.exists()


def test_a_description_under_an_unknown_name_has_to_agree_too(ana: Account, by: User) -> None:
    paid_in(ana, "70.00", description="Rent of the flat")
    body = f"Date,Amount,Selitys\n{today()},70.00,Interest on reserve\n".encode()
    whose = services.upload(BytesIO(body), by=by, name="n.csv", currency="USD")
    assert services.match_sure(reconciliation=whose, by=by) == 0


def test_a_reference_in_the_text_of_a_line_comes_before_a_nearer_amount(ana: Account) -> None:
    for amount, reference in (("4934.76", "INV-2611-315"), ("4000.01", ""), ("3999", "INV-1")):
        paid_in(ana, amount, reference=reference)
    whose = statement("4000.00,,Part 1 inv-2611-315,", "7.00,,Another,")
    found = suggestions(whose, line_of(whose, 1))
    assert [paid.amount for paid in found] == [Decimal("4934.76"), Decimal("4000.01"), 3999]


def test_a_payment_that_another_line_has_is_told(ana: Account, by: User) -> None:
    paid_in(ana, "5", description="Rent", reference="R-5")
    first = statement("5.00,,Rent,R-5", "7.00,,,")
    services.match_sure(reconciliation=first, by=by)
    second = statement("5.00,,Rent,R-5", "7.00,,,", "9.00,,,")
    (match,) = matched_elsewhere(second, line_of(second, 1))
    assert (match.line.reconciliation, match.transaction.reference) == (first, "R-5")
    assert matched_elsewhere(second, line_of(second, 2)) == []
