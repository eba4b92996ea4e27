"""Opening, freezing, closing; and what the database refuses of an account."""

from decimal import Decimal
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.db import transaction as db_transaction
from django.db.models import ProtectedError
from stdnum.iso7064 import mod_97_10

from accounts import services
from accounts.exceptions import (
    AccountNotActive,
    AccountNotEmpty,
    AccountNotFound,
    CurrencyUnknown,
    DetailsInvalid,
    LimitInvalid,
    OwnerNotActive,
)
from accounts.models import Account, Currency, StatusChange, User
from accounts.numbers import clean_account_number, new_account_number
from ledger.db.ids import uuid7
from ledger.text.money import figure
from tests.factories import AccountFactory, UserFactory, walls_down
from transactions.exceptions import InvalidAmount
from transactions.services import deposit

pytestmark = pytest.mark.django_db


def test_open_account_gives_a_number_with_valid_check_digits() -> None:
    account = services.open_account(user=UserFactory(), currency="EUR", name=" Travel ")
    account.refresh_from_db()
    assert mod_97_10.is_valid(account.number)
    assert len(account.number) == 12
    assert (account.name, account.currency, account.status) == ("Travel", "EUR", "active")
    assert account.balance == account.held == account.available == 0


def test_open_account_takes_the_next_number_when_one_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = AccountFactory()
    numbers = iter([taken.number, new_account_number()])
    monkeypatch.setattr(services, "new_account_number", lambda: next(numbers))
    assert AccountFactory().number != taken.number


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
        ({"transfer_limit": Decimal(0)}, "USD"),
        ({"daily_limit": Decimal("NaN")}, "USD"),
        ({"daily_limit": Decimal("0.5")}, "JPY"),
        ({"overdraft_limit": Decimal("1e18")}, "USD"),
        ({"daily_limit": Decimal("1e18")}, "USD"),
    ],
)
def test_open_account_refuses_a_limit_that_makes_no_sense(
    limits: dict[str, Any], currency: str
) -> None:
    with pytest.raises(LimitInvalid):
        services.open_account(user=UserFactory(), currency=currency, **limits)


@pytest.mark.parametrize(
    "details", [{"name": "x" * 101}, {"number": "hello"}, {"number": "482109375512"}]
)
def test_open_account_refuses_a_name_or_number_that_cannot_be(details: dict[str, str]) -> None:
    with pytest.raises(DetailsInvalid):
        services.open_account(user=UserFactory(), currency="USD", **details)  # type: ignore[arg-type]


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
    with pytest.raises(AccountNotActive, match="closed for good"):
        services.unfreeze_account(account=empty)
    with pytest.raises(AccountNotFound):
        services.close_account(account=uuid7())
    assert StatusChange.objects.count() == 1


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
    "account_status_valid": "status = 'asleep'",
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


def test_the_times_of_a_person_are_finite() -> None:
    user = UserFactory()
    with connection.cursor() as cursor, pytest.raises(IntegrityError) as refused:
        cursor.execute("UPDATE users SET deleted_at = 'infinity' WHERE id = %s", [user.pk])
    constraint = refused.value.__cause__.diag.constraint_name  # type: ignore[union-attr]
    assert constraint == "user_times_finite"


def test_a_closed_account_is_not_changed() -> None:
    account = services.close_account(account=AccountFactory(), reason="Left")
    with pytest.raises(AccountNotActive):
        services.change_account(account=account, name="Other")


def test_an_overdraft_that_the_column_cannot_add_is_refused() -> None:
    account = AccountFactory(currency="JPY")
    deposit(to_account=account, amount=Decimal("999999999999999"))
    with pytest.raises(LimitInvalid, match="holds so much"):
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
        ("4821 0937", "this one has 8"),
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
