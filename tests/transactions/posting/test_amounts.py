"""What is no amount is refused in words at every door, and leaves no row."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from ledger.db.ids import uuid7
from tests.banking.payment_files.files import checked, fates, pay
from tests.factories import AccountFactory
from tests.pages import text_of
from transactions import services
from transactions.exceptions import AlreadyReversed, InvalidAmount
from transactions.models import Transaction
from transactions.services import Draft

pytestmark = pytest.mark.django_db

# As people and programs send them; 30 digits are more than any account can hold.
NO_AMOUNTS = [
    "-1", "0", "0.00", "0.001", "NaN", "-NaN", "sNaN", "Infinity", "-Infinity", "1e400", "1e-400",
    "\uff11\uff10", "\u0661\u0660", "\u0967", "9" * 30, "", " ", "$10", "10 USD", "\u20ac10", "10-",
    "0x10", "1_000", "--1", "+-1", "1..0", "ten",
]  # fmt: skip
# Of a number a program drops any space around it; of a form only those of the keyboard.
TYPED = [*NO_AMOUNTS, "\u00a05", "5\u00a0", "\u202f5", "5\u3000", "\u200b5"]
REFUSALS = (InvalidAmount, AlreadyReversed)


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="1000", user__name="Ana Ferreira")
    return account


@pytest.fixture
def other() -> Account:
    other: Account = AccountFactory(balance="1000")
    return other


@pytest.fixture
def paid(account: Account, other: Account) -> Transaction:
    return services.transfer(from_account=account, to_account=other, amount=Decimal(100))


@pytest.fixture
def held(account: Account, other: Account) -> Transaction:
    return services.hold(from_account=account, to_account=other, amount=Decimal(100))


@pytest.fixture(autouse=True)
def _nothing_moves(account: Account, other: Account, paid: Any, held: Any) -> Any:
    """Every row of accounts and transactions stays as it was."""
    before = books()
    yield
    assert books() == before


def books() -> list[Any]:
    tables: tuple[Any, ...] = Account.objects.order_by("pk"), Transaction.objects.order_by("pk")
    return [row for rows in tables for row in rows.values()]


SERVICES: dict[str, Callable[..., Any]] = {
    "transfer": lambda a, b, n, **_: services.transfer(from_account=a, to_account=b, amount=n),
    "deposit": lambda a, n, **_: services.deposit(to_account=a, amount=n),
    "withdraw": lambda a, n, **_: services.withdraw(from_account=a, amount=n),
    "hold": lambda a, n, **_: services.hold(from_account=a, amount=n),
    "capture": lambda held, n, **_: services.capture(hold=held, amount=n),
    "reverse": lambda paid, n, **_: services.reverse(transaction=paid, amount=n),
    "batch": lambda a, n, **_: services.post_batch([Draft(from_account=a, amount=n)] * 25),
}


@pytest.mark.parametrize("service", SERVICES)
def test_services(service: str, account: Account, other: Account, paid: Any, held: Any) -> None:
    for typed in NO_AMOUNTS:
        with pytest.raises(REFUSALS, check=lambda refused: str(refused)[-1] == "."):
            SERVICES[service](a=account, b=other, paid=paid, held=held, n=typed)


@pytest.mark.parametrize("number", [1.5, float("nan"), None, True, b"1", [1]], ids=repr)
def test_services_take_exact_numbers_alone(number: Any, account: Account) -> None:
    with pytest.raises(InvalidAmount, match="is not an exact amount"):
        services.withdraw(from_account=account, amount=number)


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-1", "0", "1e400", "0.001"])
def test_services_refuse_such_decimals(text: str, account: Account) -> None:
    with pytest.raises(InvalidAmount):
        services.withdraw(from_account=account, amount=Decimal(text))


def until() -> str:
    return (timezone.localdate() + timedelta(days=3)).isoformat()


def admin(name: str, *args: Any) -> str:
    return reverse(f"admin:transactions_transaction_{name}", args=args)


FORMS: dict[str, Callable[..., tuple[str, dict[str, Any]]]] = {
    "cash desk": lambda a, **_: (
        admin("cash_desk"),
        {"kind": "deposit", "number": a.number, "reference": "S-1", "step": "book"},
    ),
    "refund": lambda paid, **_: (admin("refund", paid.pk), {"reason": "Damaged", "step": "book"}),
    "capture": lambda held, **_: (admin("capture", held.pk), {"reason": "Left", "step": "book"}),
    "hold": lambda a, **_: (
        admin("hold"),
        {"number": a.number, "description": "x", "until": until(), "reason": "y", "step": "book"},
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_staff(form: str, staff: Client, account: Account, paid: Any, held: Any) -> None:
    address, filled = FORMS[form](a=account, paid=paid, held=held)
    for typed in TYPED:
        response = staff.post(address, {"id": str(uuid7()), "amount": typed, **filled})
        assert response.status_code == 200, ascii(typed)
        assert "errorlist" in response.content.decode(), ascii(typed)


def test_the_transfer_form(client: Client, account: Account, other: Account) -> None:
    client.force_login(account.user)
    form = {
        "from_account": str(account.pk), "number": other.number, "description": "",
        "reference": "", "step": "send",
    }  # fmt: skip
    for typed in TYPED:
        response = client.post("/transfers/new/", {"id": str(uuid7()), "amount": typed, **form})
        assert response.status_code == 200, ascii(typed)
        assert response.context["form"].errors["amount"], ascii(typed)
        assert "Internal" not in text_of(response), ascii(typed)


def test_a_payment_file(account: Account, other: Account) -> None:
    lines = [pay(other, f'"{typed}"') for typed in NO_AMOUNTS]
    for typed, fate in zip(NO_AMOUNTS, fates(checked(account, *lines)), strict=True):
        assert fate not in {"waiting", "booked"}, typed
        assert fate.endswith(".")
