"""Opening, freezing, closing; and what the database refuses of an account."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.db import transaction as db_transaction
from django.db.models import ProtectedError
from django.utils import timezone
from stdnum.iso7064 import mod_97_10

from accounts import services
from accounts.exceptions import (
    AccountNotActive,
    AccountNotEmpty,
    AccountNotFound,
    CurrencyUnknown,
    DetailsInvalid,
    LastWayIn,
    LedgerError,
    LimitInvalid,
    NoSecondFactor,
    OwnerNotActive,
    TooManyAccounts,
)
from accounts.models import LIMITS, Account, Currency, StatusChange, User
from accounts.numbers import clean_account_number, new_account_number
from accounts.refusal_counts import REFUSALS, SERVICE
from accounts.sign_in.recovery_codes import make_recovery_codes
from accounts.sign_in.removal import remove_password
from ledger.db.ids import uuid7
from ledger.text.money import figure
from ledger.web.error_text import described
from tests.factories import AccountFactory, UserFactory, walls_down
from transactions.exceptions import InvalidAmount
from transactions.services import deposit, hold, withdraw

pytestmark = pytest.mark.django_db


def test_open_account_gives_a_number_with_valid_check_digits() -> None:
    account = services.open_account(user=UserFactory(), currency="EUR", name=" Travel ")
    account.refresh_from_db()
    assert mod_97_10.is_valid(account.number)
    assert len(account.number) == 12
    assert (account.name, account.currency, account.status) == ("Travel", "EUR", "active")
    assert account.balance == account.held == account.available == 0


def test_open_account_stores_all_that_it_is_given() -> None:
    user, given = UserFactory(), uuid7()
    details: dict[str, Any] = {
        "currency": "KWD",
        "name": "Travel",
        "overdraft_limit": Decimal("5.005"),
        "transfer_limit": Decimal(6),
        "daily_limit": Decimal(7),
        "number": new_account_number(),
        "created_at": datetime(2020, 2, 29, tzinfo=UTC),
    }
    services.open_account(user=user, id=given, **details)
    assert list(user.accounts.values("pk", *details)) == [{"pk": given, **details}]


def test_open_account_without_details_is_of_now_and_has_the_usual_name() -> None:
    before = timezone.now()
    account = services.open_account(user=UserFactory(), currency="EUR", name=" \t ")
    account.refresh_from_db()
    assert account.name == "Account"
    assert before <= account.created_at <= timezone.now()
    assert account.overdraft_limit == 0
    assert account.transfer_limit is account.daily_limit is None


@pytest.mark.parametrize(("tries", "is_free"), [(4, True), (5, False)])
def test_open_account_takes_the_next_number_when_one_is_taken(
    monkeypatch: pytest.MonkeyPatch, tries: int, is_free: bool
) -> None:
    taken, free, user = AccountFactory().number, new_account_number(), UserFactory()
    numbers = iter([*[taken] * tries, free])
    monkeypatch.setattr(services, "new_account_number", lambda: next(numbers))
    with nullcontext() if is_free else pytest.raises(IntegrityError):
        services.open_account(user=user, currency="USD")
    assert list(user.accounts.values_list("number", flat=True)) == [free] * is_free


def test_open_account_tries_no_other_number_where_the_number_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account, user = AccountFactory(), UserFactory()
    numbers = [new_account_number(), new_account_number()]
    monkeypatch.setattr(services, "new_account_number", numbers.pop)
    with pytest.raises(IntegrityError):
        services.open_account(user=user, currency="USD", id=account.pk)
    assert len(numbers) == 1
    assert not user.accounts.exists()


def test_open_account_once_opens_one_account_for_an_id_of_one_person() -> None:
    user, other, given = UserFactory(), UserFactory(), uuid7()
    details = {"currency": "EUR", "name": "Travel", "id": given}
    account, was_open = services.open_account_once(user=user, **details)  # type: ignore[arg-type]
    assert (account.pk, account.currency, account.name, was_open) == (given, "EUR", "Travel", False)
    again = services.open_account_once(user=user, currency="USD", name="Other", id=given)
    assert again == (account, True)
    assert again[0].name == "Travel"
    with pytest.raises(IntegrityError):
        services.open_account_once(user=other, **details)  # type: ignore[arg-type]
    assert list(Account.objects.values_list("pk", "user")) == [(given, user.pk)]


def test_open_account_once_finds_what_the_same_request_has_opened_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user, given = UserFactory(), uuid7()
    open_account = services.open_account

    def open_twice(**details: Any) -> Account:
        open_account(**details)
        return open_account(**details)

    monkeypatch.setattr(services, "open_account", open_twice)
    found = services.open_account_once(user=user, currency="EUR", name="Travel", id=given)
    assert found == (Account.objects.get(pk=given), True)


@pytest.mark.parametrize("by_owner", [True, False])
def test_only_the_bank_opens_more_accounts_than_the_owner_may(by_owner: bool) -> None:
    user = UserFactory()
    services.close_account(account=AccountFactory(user=user))
    Account.objects.bulk_create(Account(user=user, currency="USD") for _ in range(49))
    services.open_account(user=user, currency="USD", by_owner=True)
    with pytest.raises(TooManyAccounts) if by_owner else nullcontext():
        services.open_account(user=user, currency="USD", by_owner=by_owner)
    assert user.accounts.not_closed().count() == (50 if by_owner else 51)


@pytest.mark.parametrize("currency", ["", "usd", "XXX", "EURO"])
def test_open_account_refuses_an_unknown_currency(currency: str) -> None:
    with pytest.raises(CurrencyUnknown, match="is not a currency code"):
        services.open_account(user=UserFactory(), currency=currency)
    assert not Account.objects.exists()


def test_open_account_refuses_somebody_who_left() -> None:
    gone = UserFactory(deleted_at="2026-01-01T00:00Z")
    gone.refresh_from_db()
    with pytest.raises(OwnerNotActive):
        services.open_account(user=gone, currency="USD")


@pytest.mark.parametrize(
    ("limits", "currency"),
    [
        ({"overdraft_limit": Decimal(-1)}, "USD"),
        ({"overdraft_limit": Decimal("NaN")}, "USD"),
        ({"overdraft_limit": Decimal(10**12 + 1)}, "USD"),
        ({"transfer_limit": Decimal(0)}, "USD"),
        ({"transfer_limit": 10**12 + Decimal("0.01")}, "USD"),
        ({"daily_limit": Decimal(-1)}, "USD"),
        ({"daily_limit": Decimal("NaN")}, "USD"),
        ({"daily_limit": Decimal("0.5")}, "JPY"),
        ({"overdraft_limit": Decimal("1e18")}, "USD"),
        ({"daily_limit": Decimal("1e18")}, "USD"),
    ],
)
def test_open_account_refuses_a_limit_that_makes_no_sense(
    limits: dict[str, Any], currency: str
) -> None:
    with pytest.raises(LimitInvalid) as refused:
        services.open_account(user=UserFactory(), currency=currency, **limits)
    assert [refused.value.field] == [*limits]
    assert not Account.objects.exists()


def test_the_largest_limits_and_the_longest_name_are_allowed() -> None:
    limits: dict[str, Any] = dict.fromkeys(LIMITS, Decimal(10**12))
    account = services.open_account(user=UserFactory(), currency="USD", name="x" * 100, **limits)
    account.refresh_from_db()
    assert {name: getattr(account, name) for name in LIMITS} == limits
    assert account.name == "x" * 100


@pytest.mark.parametrize(
    "details", [{"name": "x" * 101}, {"number": "hello"}, {"number": "482109375512"}]
)
def test_open_account_refuses_a_name_or_number_that_cannot_be(details: dict[str, str]) -> None:
    with pytest.raises(DetailsInvalid):
        services.open_account(user=UserFactory(), currency="USD", **details)  # type: ignore[arg-type]
    assert not Account.objects.exists()


def test_freeze_and_unfreeze_say_who_and_why() -> None:
    account, staff = AccountFactory(), UserFactory()
    services.freeze_account(account=account, reason="Card stolen", changed_by=staff)
    services.freeze_account(account=account, reason="Again", changed_by=staff)
    account.refresh_from_db()
    assert account.is_frozen
    services.unfreeze_account(account=account.pk, reason="New card", changed_by=staff)
    account.refresh_from_db()
    assert account.is_active
    said = account.status_changes.order_by("created_at").values_list(
        "from_status", "to_status", "reason", "changed_by"
    )
    assert list(said) == [
        ("active", "frozen", "Card stolen", staff.pk),
        ("frozen", "active", "New card", staff.pk),
    ]


def test_close_account_needs_it_empty_and_is_for_good() -> None:
    full, empty = AccountFactory(balance="10"), AccountFactory()
    with pytest.raises(AccountNotEmpty, match=r"still has 10\.00 USD"):
        services.close_account(account=full, reason="Leaving")
    closed = services.close_account(account=empty, reason="Leaving")
    assert closed.is_closed
    assert closed.closed_at is not None
    with pytest.raises(AccountNotActive, match="closed permanently"):
        services.unfreeze_account(account=empty)
    with pytest.raises(AccountNotFound):
        services.close_account(account=uuid7())
    assert StatusChange.objects.count() == 1


def test_an_account_with_holds_on_either_side_is_not_closed() -> None:
    payer, recipient = AccountFactory(balance="10"), AccountFactory()
    hold(from_account=payer, to_account=recipient, amount=Decimal(10))
    for account in (payer, recipient):
        with pytest.raises(AccountNotEmpty, match="hold"):
            services.close_account(account=account)
    assert not StatusChange.objects.exists()


def test_change_status_tells_whether_it_changed_and_keeps_what_the_owner_reads() -> None:
    account, staff = AccountFactory(), UserFactory()
    said: dict[str, Any] = {
        "reason": " Card  stolen ",
        "message": " Call \u200b us ",
        "changed_by": staff,
    }
    frozen = Account.Status.FROZEN
    assert services.change_status(account=account, status=frozen, **said) is True
    assert services.change_status(account=account.pk, status=frozen, reason="Again") is False
    services.unfreeze_account(account=account, message="Welcome back", changed_by=staff)
    services.close_account(account=account, reason="Left", message="Bye", changed_by=staff)
    rows = account.status_changes.order_by("created_at")
    assert list(rows.values_list("to_status", "reason", "message", "changed_by")) == [
        ("frozen", "Card stolen", "Call us", staff.pk),
        ("active", "", "Welcome back", staff.pk),
        ("closed", "Left", "Bye", staff.pk),
    ]


# Each is refused, of an account that is closed.
REFUSED: dict[str, tuple[type[LedgerError], Callable[[Account], object]]] = {
    "choose_name": (
        OwnerNotActive,
        lambda _: services.choose_name(user=UserFactory(deleted_at=timezone.now()), name="Ana"),
    ),
    "open_account": (
        CurrencyUnknown, lambda a: services.open_account(user=a.user, currency="XXX"),
    ),
    "open_account_once": (
        CurrencyUnknown,
        lambda a: services.open_account_once(user=a.user, currency="X", name="", id=uuid7()),
    ),
    "open_accounts": (
        CurrencyUnknown, lambda a: services.open_accounts([Account(user=a.user, currency="XXX")]),
    ),
    "raise_overdraft_limits": (
        LimitInvalid, lambda a: services.raise_overdraft_limits({a.pk: Decimal("0.001")}),
    ),
    "change_account": (AccountNotActive, lambda a: services.change_account(account=a, name="B")),
    "freeze_account": (AccountNotActive, lambda a: services.freeze_account(account=a)),
    "unfreeze_account": (AccountNotActive, lambda a: services.unfreeze_account(account=a)),
    "close_account": (AccountNotFound, lambda _: services.close_account(account=uuid7())),
    "change_status": (
        AccountNotActive,
        lambda a: services.change_status(account=a, status=Account.Status.ACTIVE),
    ),
    "set_status": (
        AccountNotActive,
        lambda a: services.set_status(a, Account.Status.ACTIVE, reason="", changed_by=None),
    ),
    "make_recovery_codes": (NoSecondFactor, lambda a: make_recovery_codes(user=a.user)),
    "remove_password": (LastWayIn, lambda a: remove_password(user=a.user)),
}  # fmt: skip


def test_each_refusal_of_a_service_is_counted_once() -> None:
    closed = services.close_account(account=AccountFactory())
    for name, (kind, call) in REFUSED.items():
        counted = REFUSALS.labels(kind.__name__, SERVICE)._value
        before = counted.get()
        with pytest.raises(kind):
            call(closed)
        assert counted.get() == before + 1, name


BROKEN = {
    "balance_non_negative": "balance = -1",
    "available_non_negative": "balance = 10, held = 11",
    "held_non_negative": "held = -1",
    "overdraft_limit_non_negative": "balance = 5, overdraft_limit = -1",
    "limits_positive": "daily_limit = 'NaN'",
    "account_amounts_finite": "balance = 'NaN'",
    "closed_account_is_empty": "status = 'closed', balance = 1",
}


BROKEN_FOR_TRIGGERS = {
    "account_times_finite": "closed_at = 'infinity'",
    "account_choices_valid": "status = 'asleep'",
    "account_currency_valid": "currency = 'XXX'",
    "account_currency_exists": "minor_units = 3",
    "balance_follows_rows": "last_entry_at = 'infinity'",
}


@pytest.mark.parametrize(("rule", "change"), BROKEN_FOR_TRIGGERS.items())
def test_triggers_and_foreign_keys_refuse_a_broken_account(rule: str, change: str) -> None:
    account = AccountFactory()
    with (
        pytest.raises(IntegrityError) as refused,
        db_transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE accounts SET {change} WHERE id = %s", [account.pk])
    assert refused.value.__cause__.diag.constraint_name == rule  # type: ignore[union-attr]


@pytest.mark.parametrize(("constraint", "change"), BROKEN.items())
def test_the_database_refuses_a_broken_account(constraint: str, change: str) -> None:
    account = AccountFactory()
    with (
        pytest.raises(IntegrityError) as refused,
        db_transaction.atomic(),
        walls_down("accounts") as cursor,
    ):
        cursor.execute(f"UPDATE accounts SET {change} WHERE id = %s", [account.pk])
    assert refused.value.__cause__.diag.constraint_name == constraint  # type: ignore[union-attr]


def test_every_check_of_an_account_is_broken_above() -> None:
    checks = {c.name for c in Account._meta.constraints if type(c).__name__ == "CheckConstraint"}
    assert checks == set(BROKEN)


def test_an_account_takes_the_minor_units_of_its_currency() -> None:
    for currency, units in (("JPY", 0), ("USD", 2), ("KWD", 3)):
        account = AccountFactory(currency=currency)
        account.refresh_from_db()
        assert account.minor_units == units


def test_a_new_currency_is_a_row() -> None:
    user = UserFactory()
    with pytest.raises(CurrencyUnknown):
        services.open_account(user=user, name="Points", currency="XTS")
    Currency.objects.create(code="XTS", name="Points", minor_units=1)
    account = services.open_account(user=user, name="Points", currency="XTS")
    account.refresh_from_db()
    assert account.minor_units == 1
    assert figure(Decimal(5), "XTS") == "5.0"
    deposit(to_account=account, amount=Decimal("0.1"))
    with pytest.raises(InvalidAmount):
        deposit(to_account=account, amount=Decimal("0.01"))


def test_a_closed_currency_keeps_its_accounts_and_opens_no_other() -> None:
    account = AccountFactory(currency="JPY")
    Currency.objects.filter(code="JPY").update(is_open=False)
    with pytest.raises(CurrencyUnknown):
        services.open_account(user=account.user, name="Second", currency="JPY")
    deposit(to_account=account, amount=Decimal(5))
    Account.objects.filter(pk=account.pk).update(name="Still here", currency="JPY")
    dollars = AccountFactory()
    with pytest.raises(IntegrityError), db_transaction.atomic():
        Account.objects.filter(pk=dollars.pk).update(currency="JPY")
    with pytest.raises(IntegrityError) as refused, db_transaction.atomic():
        Account(user=account.user, currency="JPY", name="By hand").save()
    assert refused.value.__cause__.diag.constraint_name == "account_currency_valid"  # type: ignore[union-attr]


def insert(account: Account) -> None:
    Account.objects.bulk_create([account])


@pytest.mark.parametrize("save", [Account.save, insert])
def test_the_refusal_of_an_account_without_a_currency_names_it(
    save: Callable[[Account], None],
) -> None:
    with pytest.raises(IntegrityError) as refused, db_transaction.atomic():
        save(Account(user=UserFactory()))
    # In a log and a file, too, where sentences of Postgres are left out.
    assert described(refused.value).endswith("SQLSTATE 23502, table accounts, column currency")


@pytest.mark.parametrize(
    "change", ["DELETE FROM currencies", "UPDATE currencies SET minor_units = 4"]
)
def test_a_currency_with_accounts_keeps_its_row_and_its_decimals(change: str) -> None:
    AccountFactory(currency="JPY")
    with (
        pytest.raises(IntegrityError) as refused,
        db_transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"{change} WHERE code = 'JPY'")
    assert refused.value.__cause__.diag.constraint_name == "account_currency_exists"  # type: ignore[union-attr]


def test_an_overdraft_lets_the_balance_go_below_zero_up_to_the_limit() -> None:
    account = AccountFactory(overdraft_limit=Decimal(50))
    with walls_down("accounts") as cursor:
        cursor.execute("UPDATE accounts SET balance = -50 WHERE id = %s", [account.pk])
        with pytest.raises(IntegrityError) as refused, db_transaction.atomic():
            cursor.execute("UPDATE accounts SET balance = -51 WHERE id = %s", [account.pk])
    constraint = refused.value.__cause__.diag.constraint_name  # type: ignore[union-attr]
    assert constraint == "available_non_negative"


def test_two_accounts_cannot_share_a_number() -> None:
    with pytest.raises(IntegrityError, match="number"):
        AccountFactory(number=AccountFactory().number)


@pytest.mark.parametrize("sql", ["UPDATE %s SET reason = 'Other'", "DELETE FROM %s"])
def test_a_status_change_is_never_rewritten(sql: str) -> None:
    services.freeze_account(account=AccountFactory(), reason="Lost card")
    with connection.cursor() as cursor, pytest.raises(IntegrityError) as refused:
        cursor.execute(sql % "account_status_changes")
    constraint = refused.value.__cause__.diag.constraint_name  # type: ignore[union-attr]
    assert constraint == "status_change_stays"


def test_status_changes_are_never_truncated() -> None:
    with connection.cursor() as cursor, pytest.raises(IntegrityError) as refused:
        cursor.execute("TRUNCATE account_status_changes")
    constraint = refused.value.__cause__.diag.constraint_name  # type: ignore[union-attr]
    assert constraint == "status_changes_stay"


def test_an_e_mail_address_is_unique_whatever_its_case() -> None:
    user = UserFactory(email="Ana@Example.com")
    assert user.email == "ana@example.com"
    assert User.objects.get_by_natural_key("ANA@example.COM") == user
    with pytest.raises(ValidationError) as refused:
        User(email="ANA@example.com", name="Other", password="x").full_clean()
    assert "already signs in" in str(refused.value)
    with pytest.raises(IntegrityError):
        UserFactory(email="aNA@example.com")


def test_no_superuser_has_a_weak_password() -> None:
    with pytest.raises(ValidationError):
        User.objects.create_superuser("root@example.com", "password")
    assert not User.objects.exists()


def test_the_database_refuses_a_second_case_of_an_address_by_raw_sql() -> None:
    user = UserFactory()
    with connection.cursor() as cursor, pytest.raises(IntegrityError) as refused:
        cursor.execute("UPDATE users SET email = 'Ana@example.com' WHERE id = %s", [user.pk])
    constraint = refused.value.__cause__.diag.constraint_name  # type: ignore[union-attr]
    assert constraint == "user_email_lowercase"


@pytest.mark.parametrize("column", ["created_at", "deleted_at", "last_login"])
def test_the_times_of_a_person_are_finite(column: str) -> None:
    user = UserFactory()
    with connection.cursor() as cursor, pytest.raises(IntegrityError) as refused:
        cursor.execute(f"UPDATE users SET {column} = 'infinity' WHERE id = %s", [user.pk])
    constraint = refused.value.__cause__.diag.constraint_name  # type: ignore[union-attr]
    assert constraint == "user_times_finite"


def test_a_closed_account_is_not_changed() -> None:
    account = services.close_account(account=AccountFactory(), reason="Left")
    with pytest.raises(AccountNotActive):
        services.change_account(account=account, name="Other")


def test_change_account_writes_what_it_is_given_and_says_why() -> None:
    account, staff, given = AccountFactory(transfer_limit=Decimal(9)), UserFactory(), uuid7()
    why: dict[str, Any] = {"id": given, "reason": " They  asked ", "changed_by": staff}
    changed = services.change_account(
        account=account.pk,
        name="  Rent ",
        daily_limit=Decimal(8),
        overdraft_limit=Decimal(7),
        **why,
    )
    account.refresh_from_db()
    for found in (changed, account):
        limits = (found.overdraft_limit, found.transfer_limit, found.daily_limit)
        assert (found.name, *limits, found.available) == ("Rent", 7, 9, 8, 7)
    change = account.limit_changes.get()
    assert (change.pk, change.reason, change.changed_by) == (given, "They asked", staff)
    assert (change.overdraft_limit, change.transfer_limit, change.daily_limit) == (7, 9, 8)


def test_change_account_of_a_name_alone_leaves_the_limits_and_no_name_empty() -> None:
    account = AccountFactory(daily_limit=Decimal(8))
    services.change_account(account=account, name=" \t")
    account.refresh_from_db()
    assert (account.name, account.daily_limit) == ("Account", 8)
    assert not account.limit_changes.exists()
    services.change_account(account=account, daily_limit=None)
    account.refresh_from_db()
    assert (account.name, account.daily_limit) == ("Account", None)


def test_an_overdraft_limit_stays_above_the_overdraft_in_use() -> None:
    account = AccountFactory(balance="10", overdraft_limit=Decimal(50))
    withdraw(from_account=account, amount=Decimal(20))
    hold(from_account=account, amount=Decimal(15))
    with pytest.raises(LimitInvalid) as refused:
        services.change_account(account=account, overdraft_limit=Decimal("24.99"))
    assert refused.value.field == "overdraft_limit"
    services.change_account(account=account, overdraft_limit=Decimal(25))
    account.refresh_from_db()
    assert (account.overdraft_limit, account.available) == (25, 0)


def test_an_overdraft_that_the_column_cannot_add_is_refused() -> None:
    account = AccountFactory(currency="JPY")
    deposit(to_account=account, amount=Decimal("999999999999999"))
    with pytest.raises(LimitInvalid, match="has too much money"):
        services.change_account(account=account, overdraft_limit=Decimal(1000))


def test_a_name_keeps_no_character_that_turns_text_around() -> None:
    assert UserFactory(name=" Anna \u202enomolas\u200b ").name == "Anna nomolas"
    assert UserFactory(name="\u0646\u200c\u06cc").name == "\u0646\u200c\u06cc"


def test_somebody_who_left_is_kept_but_not_active() -> None:
    user, account = UserFactory(), AccountFactory()
    account.user.deleted_at = account.created_at
    account.user.save()
    assert list(User.objects.active()) == [user]
    assert not account.user.is_active
    with pytest.raises(ProtectedError):
        account.user.delete()


def test_create_superuser_may_use_the_admin() -> None:
    user = User.objects.create_superuser("root@example.com", "blue lamps at dusk", name="Root")
    address = EmailAddress.objects.get(user=user)
    assert (address.verified, address.primary) == (True, True)
    assert user.is_staff
    assert user.is_superuser
    assert user.check_password("blue lamps at dusk")
    with pytest.raises(ValueError, match="e-mail"):
        User.objects.create_user("")


def test_an_account_number_is_read_as_people_type_it() -> None:
    number = new_account_number()
    typed = f" {number[:4]}-{number[4:8]} {number[8:]}"
    assert clean_account_number(typed) == number


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "digits only"),
        ("4821 O937 5549", "digits only"),
        ("\u0664\u0668\u0662\u0661 0937 5549", "digits only"),
        ("4821 0937", "This number has 8"),
    ],
)
def test_a_mistyped_account_number_says_what_is_wrong(typed: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        clean_account_number(typed)


@pytest.mark.parametrize("sign", "\u200b\u200d\u200e\u202a\u202c\u00ad\u2060\ufeff\u2065\ufff0")
def test_an_account_number_is_read_without_invisible_characters(sign: str) -> None:
    number = new_account_number()
    typed = f"{sign}{number[:4]} {sign}{number[4:8]}{sign}{number[8:]}{sign}"
    assert clean_account_number(typed) == number


def test_one_wrong_digit_and_a_swap_are_caught_by_the_check_digits() -> None:
    number = new_account_number()
    for place in range(12):
        wrong = f"{number[:place]}{(int(number[place]) + 1) % 10}{number[place + 1 :]}"
        with pytest.raises(ValueError, match="check digits"):
            clean_account_number(wrong)
    for place in range(11):
        if number[place] != number[place + 1]:
            swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
            with pytest.raises(ValueError, match="check digits"):
                clean_account_number(swapped)
