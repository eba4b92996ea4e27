"""A customer's payment file over the threshold: asked for, approved, and paid once, as it was."""

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection
from django.test import Client
from psycopg.types.json import Jsonb

from accounts import approvals
from accounts.exceptions import MayNotDecide, NeedsApproval, RequestDecided, ServesOwn
from accounts.groups import MANAGER, OPERATIONS
from accounts.models import Account, ApprovalRequest, Household, StaffSum, User
from tests.attacks.approvals import ANOTHER_LINE, PAGE, approved, as_web, expire, step
from tests.attacks.approvals import asked_for_file as asked
from tests.conftest import colleague, signed_in
from tests.factories import AccountFactory, balances, walls_down
from tests.pages import text_of
from tests.refusals import constraint_of
from tests.transactions.audit.breaking import found
from tests.transactions.payment_files.files import checked, csv_of, fates, pay, press
from tests.transactions.payment_files.shared import BASE, WHY
from transactions import services
from transactions.audit.audit import audit
from transactions.models import PaymentFile, PaymentLine
from transactions.payment_files.booking import LinesRefused, agreed_to, book_rest, book_whole
from transactions.payment_files.preview import check
from transactions.payment_files.storage import store

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def firm() -> Account:
    account: Account = AccountFactory(balance="90000", name="Firm", user__name="Ana Ferreira")
    return account


@pytest.fixture
def mara() -> Account:
    account: Account = AccountFactory(user__name="Mara Lindt")
    return account


@pytest.fixture
def file(firm: Account, mara: Account, clerk: User) -> PaymentFile:
    """24,000 in three lines, each below the threshold."""
    return checked(firm, pay(mara, 8_000), pay(mara, 7_000), pay(mara, 9_000), created_by=clerk)


def paid(file: PaymentFile, by: User, book: Any = book_whole) -> PaymentFile:
    now = PaymentFile.objects.get(pk=file.pk)
    with as_web(by):
        done: PaymentFile = book(now, by=by, reason=WHY, agreed=agreed_to(now))
    return done


def press_at(client: Client, file: PaymentFile, button: str, reason: str = WHY) -> Any:
    """Reads the page and presses a button on it."""
    page = client.get(f"{BASE}{file.pk}/change/")
    said = press(file, button, reason=reason, reviewed=page.context["reviewed"])
    return client.post(f"{BASE}{file.pk}/step/", said, follow=True)


@pytest.mark.parametrize("book", [book_whole, book_rest])
def test_a_file_over_the_threshold_is_not_paid_alone(
    book: Any, file: PaymentFile, mara: Account, clerk: User
) -> None:
    with pytest.raises(NeedsApproval):
        paid(file, clerk, book)
    assert balances(mara) == [0]
    assert fates(file) == ["waiting"] * 3
    assert not StaffSum.objects.exists()


@pytest.mark.parametrize("book", [book_whole, book_rest])
def test_an_approved_file_is_paid_once(
    book: Any, file: PaymentFile, mara: Account, clerk: User, boss: User
) -> None:
    request = approved(asked(file, clerk), boss)
    paid(file, clerk, book)
    paid(file, clerk, book)
    request.refresh_from_db()
    assert (request.status, request.used_amount) == ("done", 24_000)
    assert balances(mara) == [24_000]
    assert not StaffSum.objects.exists()
    assert audit().clean


def test_the_page_of_an_approved_file_says_who_approved_it_and_has_the_reason(
    file: PaymentFile, clerk: User, boss: User
) -> None:
    page = signed_in(clerk).get(f"{BASE}{file.pk}/change/")
    assert "Approved by" not in text_of(page)
    request = approved(asked(file, clerk), boss)
    page = signed_in(clerk).get(f"{BASE}{file.pk}/change/")
    assert f"Approved by {boss}" in text_of(page)
    assert page.context["form"].initial["reason"] == request.reason


def test_one_payment_has_one_button(firm: Account, mara: Account, clerk: User) -> None:
    single = checked(firm, pay(mara, 10), created_by=clerk)
    page = signed_in(clerk).get(f"{BASE}{single.pk}/change/")
    assert "or none" not in text_of(page)
    assert "that can be booked" not in text_of(page)
    press_at(signed_in(clerk), single, "whole")
    assert balances(mara) == [10]


def test_an_approval_of_one_file_is_for_no_other(
    file: PaymentFile, firm: Account, mara: Account, clerk: User, boss: User
) -> None:
    request = approved(asked(file, clerk), boss)
    same = [pay(mara, 8_000), pay(mara, 7_000), pay(mara, 9_000)]
    other = check(store(csv_of(*same), name="copy.csv", from_account=firm, created_by=clerk))
    with pytest.raises(NeedsApproval):
        paid(other, clerk)
    request.refresh_from_db()
    assert (request.status, request.used_amount) == ("approved", 0)


def test_an_approved_file_is_paid_by_who_asked_alone(
    file: PaymentFile, mara: Account, clerk: User, boss: User
) -> None:
    approved(asked(file, clerk), boss)
    with pytest.raises(NeedsApproval):
        paid(file, colleague(OPERATIONS, "Second"))
    assert balances(mara) == [0]


def test_an_expired_approval_pays_no_file_and_another_is_asked_for(
    file: PaymentFile, mara: Account, clerk: User, boss: User
) -> None:
    late = approved(asked(file, clerk), boss)
    with pytest.raises(RequestDecided):
        asked(file, clerk)
    expire(late)
    with pytest.raises(NeedsApproval):
        paid(file, clerk)
    approved(asked(file, clerk), boss)
    paid(file, clerk)
    assert balances(mara) == [24_000]


@pytest.mark.parametrize("end", ["declined", "withdrawn", "waiting"])
def test_a_file_without_an_approval_is_not_paid(
    end: str, file: PaymentFile, clerk: User, boss: User
) -> None:
    request = asked(file, clerk)
    with as_web(boss if end == "declined" else clerk):
        if end == "declined":
            approvals.decline(request=request, by=boss, note="No letter")
        elif end == "withdrawn":
            approvals.withdraw(request=request, by=clerk)
    with pytest.raises(NeedsApproval):
        paid(file, clerk)


@pytest.mark.parametrize("sql", [
    "UPDATE payment_lines SET amount = amount + 1 WHERE number = 2",
    "UPDATE payment_lines SET to_account_id = %(other)s",
    "UPDATE payment_lines SET file_id = %(file)s",
    "UPDATE payment_lines SET id = gen_random_uuid()",
    "UPDATE payment_lines SET number = number + 100",
    ANOTHER_LINE,
])  # fmt: skip
@pytest.mark.parametrize("is_approved", [False, True])
def test_the_lines_of_a_file_stay_once_it_is_asked_for(
    is_approved: bool, sql: str, file: PaymentFile, firm: Account, mara: Account, clerk: User,
    boss: User,
) -> None:  # fmt: skip
    second = checked(firm, pay(mara, 1), name="second.csv", created_by=clerk)
    request = asked(file, clerk)
    if is_approved:
        approved(request, boss)
    before = list(PaymentLine.objects.of(file).in_order().values())
    values = {"other": AccountFactory().pk, "file": second.pk}
    with pytest.raises(DatabaseError), as_web(), connection.cursor() as cursor:
        cursor.execute(sql, values)
    assert list(PaymentLine.objects.of(file).in_order().values()) == before


@pytest.fixture
def eve() -> Account:
    account: Account = AccountFactory(user__name="Eve Adler")
    return account


@pytest.fixture
def swapping(firm: Account, mara: Account, eve: Account, clerk: User) -> PaymentFile:
    """85,000 for Mara, and 80,000 for Eve that the money does not suffice for."""
    file = checked(firm, pay(mara, 85_000), pay(eve, 80_000), created_by=clerk)
    assert fates(file)[0] == "waiting" != fates(file)[1]
    return file


def hold_back(firm: Account) -> None:
    """Holds so much that 80,000 of the file can be paid, and 85,000 no more."""
    services.hold(from_account=firm, amount=Decimal(6_000))


CLEARED = "UPDATE payment_lines SET verdict = '' WHERE number = 3"


@pytest.mark.parametrize("by_sql", [False, True])
def test_a_line_that_was_refused_when_it_was_asked_is_not_paid_by_the_approval(
    by_sql: bool, swapping: PaymentFile, firm: Account, mara: Account, eve: Account, clerk: User,
    boss: User,
) -> None:  # fmt: skip
    request = approved(asked(swapping, clerk), boss)
    hold_back(firm)
    with as_web():
        check(PaymentFile.objects.get(pk=swapping.pk))
        if by_sql:
            connection.cursor().execute(CLEARED)
    with suppress(NeedsApproval):
        paid(swapping, clerk, book_rest)
    request.refresh_from_db()
    assert (balances(mara, eve), request.used_amount) == ([0, 0], 0)


def test_a_line_that_was_refused_when_it_was_asked_is_not_shown_to_who_approves(
    swapping: PaymentFile, firm: Account, clerk: User, manager: Client
) -> None:
    asked(swapping, clerk)
    hold_back(firm)
    check(PaymentFile.objects.get(pk=swapping.pk))
    assert "Eve Adler" not in text_of(manager.get(PAGE))


def test_a_line_that_was_refused_can_be_asked_for_once_the_request_is_over(
    swapping: PaymentFile, firm: Account, eve: Account, clerk: User, boss: User
) -> None:
    with as_web(clerk):
        approvals.withdraw(request=asked(swapping, clerk), by=clerk)
    hold_back(firm)
    check(PaymentFile.objects.get(pk=swapping.pk))
    approved(asked(PaymentFile.objects.get(pk=swapping.pk), clerk), boss)
    paid(swapping, clerk, book_rest)
    assert balances(eve) == [80_000]


def test_the_audit_finds_a_line_that_was_not_asked_for(
    swapping: PaymentFile, firm: Account, eve: Account, clerk: User, boss: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("transactions.audit.checks.approvals.CLOCKS_DIFFER_BY", timedelta(0))
    request = approved(asked(swapping, clerk), boss)
    hold_back(firm)
    with walls_down("approval_requests") as cursor:
        cursor.execute("UPDATE approval_requests SET parameters = parameters - 'left_out'")
    check(PaymentFile.objects.get(pk=swapping.pk))
    with as_web():
        connection.cursor().execute(CLEARED)
    paid(swapping, clerk, book_rest)
    assert balances(eve) == [80_000]
    with walls_down("approval_requests") as cursor:
        cursor.execute(
            "UPDATE approval_requests SET parameters = %s WHERE id = %s",
            [Jsonb(request.parameters), request.pk],
        )
    assert found("threshold").account == str(firm.pk)


@pytest.mark.parametrize("lie", [{"amount": 79_999}, {"parameters": {"lines": 2}}])
def test_a_request_for_a_file_is_for_all_that_can_be_paid_of_it(
    lie: dict[str, Any], file: PaymentFile, clerk: User
) -> None:
    facts: dict[str, Any] = {
        "kind": ApprovalRequest.Kind.PAYMENT_FILE, "transaction_id": file.pk,
        "from_account": file.from_account, "to_account": None, "amount": Decimal(24_000),
        "currency": file.currency, "parameters": {"lines": 3}, "reason": WHY, "asked_by": clerk,
    }  # fmt: skip
    with pytest.raises(RequestDecided), as_web(clerk):
        approvals.ask(**{**facts, **lie})
    with as_web(clerk):
        approvals.ask(**facts)


def test_the_page_asks_for_the_lines_that_it_showed(
    staff: Client, swapping: PaymentFile, firm: Account
) -> None:
    url = f"{BASE}{swapping.pk}"
    page = staff.get(f"{url}/change/")
    pressed = press(swapping, "ask", reason=WHY, reviewed=page.context["reviewed"])
    hold_back(firm)
    check(PaymentFile.objects.get(pk=swapping.pk))
    answer = staff.post(f"{url}/step/", pressed, follow=True)
    assert "Nobody was asked" in text_of(answer)
    assert not ApprovalRequest.objects.exists()


def test_a_line_that_the_owner_changed_is_not_paid_by_the_approval(
    file: PaymentFile, mara: Account, clerk: User, boss: User
) -> None:
    """The approved sum holds even where the triggers of the lines did not."""
    approved(asked(file, clerk), boss)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE payment_lines DISABLE TRIGGER USER")
        cursor.execute("UPDATE payment_lines SET amount = amount + 1 WHERE number = 2")
        cursor.execute("ALTER TABLE payment_lines ENABLE TRIGGER USER")
    check(PaymentFile.objects.get(pk=file.pk))
    with pytest.raises(NeedsApproval):
        paid(file, clerk)
    assert balances(mara) == [0]


def test_what_was_paid_alone_before_leaves_the_rest_to_the_approval(
    firm: Account, mara: Account, clerk: User, boss: User
) -> None:
    """Two files of one clerk: 9,000 alone, then 24,000 approved; the sum stays at 9,000."""
    paid(checked(firm, pay(mara, 9_000), created_by=clerk), clerk)
    big = checked(firm, pay(mara, 24_000), name="big.csv", created_by=clerk)
    approved(asked(big, clerk), boss)
    paid(big, clerk)
    assert {share.normalize() for share in StaffSum.objects.values_list("share", flat=True)} == {
        Decimal("0.9")
    }
    assert audit().clean


def test_nobody_approves_a_file_of_their_household(
    file: PaymentFile, firm: Account, clerk: User, boss: User
) -> None:
    home = Household.objects.create(name="Elm Street 4")
    User.objects.filter(pk__in=[firm.user_id, boss.pk]).update(household=home)
    with pytest.raises(MayNotDecide):
        approved(asked(file, clerk), boss)


@pytest.fixture(params=["own", "household"])
def shared_file(request: Any, firm: Account, mara: Account, clerk: User) -> PaymentFile:
    """A file with one line of 9,000 for the boss, or for somebody who lives with the boss."""
    boss = request.getfixturevalue("boss")
    theirs = AccountFactory(user__name="Partner") if request.param == "household" else None
    theirs = theirs or AccountFactory(user=boss)
    if request.param == "household":
        home = Household.objects.create(name="Elm Street 4")
        User.objects.filter(pk__in=[theirs.user_id, boss.pk]).update(household=home)
        boss.refresh_from_db()
    return checked(firm, pay(mara, 8_000), pay(mara, 7_000), pay(theirs, 9_000), created_by=clerk)


def test_nobody_decides_a_file_that_pays_them_or_their_household(
    shared_file: PaymentFile, clerk: User, boss: User, manager: Client
) -> None:
    request = asked(shared_file, clerk)
    page = text_of(manager.get(PAGE))
    assert "It is about you or your household" in page
    assert "Approve and do it" not in page
    assert "approved" not in text_of(step(manager, request, "approve")).lower().split()
    with pytest.raises(MayNotDecide):
        approved(request, boss)
    with as_web(), connection.cursor() as cursor, pytest.raises(IntegrityError) as refusal:
        cursor.execute(
            "UPDATE approval_requests SET status = 'approved', decided_by_id = %s,"
            " decided_at = now()",
            [boss.pk],
        )
    assert constraint_of(refusal.value) == "decided_by_stranger"
    approved(request, colleague(MANAGER, "Second boss"))


def test_nobody_asks_for_a_file_that_pays_them_or_their_household(
    shared_file: PaymentFile, boss: User
) -> None:
    boss.groups.add(*colleague(OPERATIONS, "Model").groups.all())
    boss = User.objects.get(pk=boss.pk)
    with pytest.raises(ServesOwn):
        asked(shared_file, boss)
    both = signed_in(boss)
    page = text_of(both.get(f"{BASE}{shared_file.pk}/change/"))
    assert "pays you or your household" in page
    for button in ("ask", "whole", "pay"):
        url = f"{BASE}{shared_file.pk}/step/"
        assert both.post(url, press(shared_file, button, reason=WHY)).status_code == 403


def test_the_page_shows_who_gets_most_by_a_file(
    firm: Account, mara: Account, clerk: User, manager: Client
) -> None:
    many = [AccountFactory(user__name=f"Payee {place}") for place in range(6)]
    lines = [pay(each, 2_000 + place) for place, each in enumerate(many)]
    asked(checked(firm, *lines, created_by=clerk), clerk)
    page = text_of(manager.get(PAGE))
    assert "Payments 6" in page
    assert [f"Payee {place}" in page for place in range(6)] == [False, *[True] * 5]
    assert page.index("Payee 5") < page.index("Payee 1")


def test_a_file_that_pays_the_household_of_the_clerk_is_refused_with_a_reason(
    staff: Client, firm: Account, mara: Account, clerk: User
) -> None:
    home = Household.objects.create(name="Elm Street 4")
    User.objects.filter(pk__in=[mara.user_id, clerk.pk]).update(household=home)
    small = checked(firm, pay(mara, 5), created_by=clerk)
    assert "pays you or your household" in text_of(staff.get(f"{BASE}{small.pk}/change/"))
    url = f"{BASE}{small.pk}/step/"
    assert staff.post(url, press(small, "whole", reason=WHY)).status_code == 403
    with pytest.raises(LinesRefused):
        paid(small, clerk)
    assert balances(mara) == [0]


# The pages


def test_the_page_asks_and_pays_after_the_approval(
    staff: Client, clerk: User, manager: Client, file: PaymentFile, mara: Account
) -> None:
    page = staff.get(f"{BASE}{file.pk}/change/").content.decode()
    assert "Ask for approval" in page
    assert 'value="whole"' not in page
    assert "Type a reason" in text_of(press_at(staff, file, "ask", reason=" "))
    assert not ApprovalRequest.objects.exists()
    assert "24,000.00" in text_of(press_at(staff, file, "ask"))
    request = ApprovalRequest.objects.get()
    assert (request.kind, request.amount, request.reason) == ("payment_file", 24_000, WHY)
    waits = staff.get(f"{BASE}{file.pk}/change/")
    assert "waits for approval" in text_of(waits)
    assert b'value="ask"' not in waits.content
    link = f'href="{BASE}{file.pk}/change/"'
    assert link in manager.get(PAGE).content.decode()  # whose lines the manager reads first
    assert manager.get(f"{BASE}{file.pk}/change/").status_code == 200
    step(manager, request, "approve")
    assert "Go to the file" in text_of(staff.get(PAGE))
    assert "Done: 3 payments" in text_of(press_at(staff, file, "whole"))
    request.refresh_from_db()
    assert (request.status, balances(mara)) == ("done", [24_000])
    press_at(staff, file, "whole")
    assert balances(mara) == [24_000]


def test_the_page_of_a_colleague_and_of_an_expired_approval_ask_again(
    staff: Client, clerk: User, boss: User, file: PaymentFile, mara: Account
) -> None:
    request = approved(asked(file, clerk), boss)
    second = signed_in(colleague(OPERATIONS, "Second"))
    assert "Ask for approval" in text_of(second.get(f"{BASE}{file.pk}/change/"))
    assert "another person must approve" in text_of(press_at(second, file, "whole"))
    expire(request)
    assert "Ask for approval" in text_of(staff.get(f"{BASE}{file.pk}/change/"))
    assert balances(mara) == [0]


def test_a_file_that_waits_for_approval_can_be_checked_again_but_not_removed(
    staff: Client, clerk: User, file: PaymentFile
) -> None:
    request = asked(file, clerk)
    url = f"{BASE}{file.pk}/step/"
    assert staff.post(url, {"step": "check"}, follow=True).status_code == 200
    assert staff.post(url, {"step": "discard"}).status_code == 403
    assert PaymentFile.objects.filter(pk=file.pk).exists()
    approvals.withdraw(request=request, by=clerk)
    assert staff.post(url, {"step": "discard"}).status_code == 302
    assert not PaymentFile.objects.filter(pk=file.pk).exists()
