"""Alerts for tests."""

from decimal import Decimal
from typing import Any

from accounts.models import Account
from banking.alerts.models import Alert, AlertKind
from banking.alerts.services import choose


def wants(account: Account, kind: str, amount: Any = None, mail: str = "off") -> None:
    """The holder chooses a kind, of this account if it is of money."""
    which = AlertKind(kind)
    of = {"account": account, "amount": Decimal(amount)} if which.is_of_account else {}
    choose(owner=account.user, kind=which, mail=mail, **of)  # type: ignore[arg-type]


def told() -> list[tuple[str, Decimal | None]]:
    """The kind and the amount of each alert."""
    return list(Alert.objects.order_by("created_at", "kind").values_list("kind", "amount"))
