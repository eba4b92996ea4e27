"""One shard of a bank that is spread over two: `python -m tests.ledger.shards.shard`.

Reads a JSON object from each line, `{"do": name, ...}`, and prints one. It is a whole Ledger on its
own database, and books by the services; what joins the two shards stands in `two_shards.py`.
"""

import json
import sys
import uuid
from decimal import Decimal
from typing import Any

import django

Said = dict[str, Any]
RICH = Decimal(1_000_000)


def open_accounts() -> Said:
    """A customer with money, and the clearing account: money on its way to or from other shards.

    Its overdraft is what may be on its way to here at once.
    """
    from accounts.models import User
    from accounts.services import open_account
    from transactions import services

    ana = User.objects.create_user("ana@example.com", name="Ana")
    bank = User.objects.create_user("clearing@example.com", name="Clearing")
    customer = open_account(user=ana, currency="USD")
    clearing = open_account(user=bank, currency="USD", overdraft_limit=RICH)
    services.deposit(to_account=customer, amount=RICH)
    return {"customer": str(customer.pk), "clearing": str(clearing.pk)}


def transfer(*, id: str, sender: str, to: str, amount: str, link: Said) -> Said:
    """Books one leg; `link` is kept in its metadata. Sent again, it moves nothing again."""
    from transactions import services
    from transactions.exceptions import LedgerError

    try:
        row = services.transfer(
            id=uuid.UUID(id), from_account=uuid.UUID(sender), to_account=uuid.UUID(to),
            amount=Decimal(amount), metadata=link,
        )  # fmt: skip
    except LedgerError as refusal:
        return {"refused": type(refusal).__name__}
    return {"done": str(row.pk)}


def reverse(*, id: str, original: str) -> Said:
    from transactions import services

    row = services.reverse(id=uuid.UUID(id), transaction=uuid.UUID(original))
    return {"done": str(row.pk)}


def legs(*, clearing: str) -> Said:
    """The payments to other shards, by id, with their links; reversed ones are left out."""
    from transactions.models import Transaction

    rows = Transaction.objects.filter(to_account=clearing, reversals__isnull=True)
    return {"legs": [{"id": str(row.pk), **row.metadata} for row in rows]}


def balance(*, account: str) -> Said:
    from accounts.models import Account

    return {"balance": str(Account.objects.get(pk=account).balance)}


def close(*, account: str) -> Said:
    from accounts.models import Account
    from accounts.services import close_account
    from transactions import services

    found = Account.objects.get(pk=account)
    services.withdraw(from_account=found, amount=found.balance)
    close_account(account=found)
    return {}


def prepare(*, gid: str, **leg: Any) -> Said:
    """Books one leg up to the first phase of a two-phase commit: PREPARE TRANSACTION."""
    from django.db import connection

    connection.set_autocommit(False)
    try:
        answer = transfer(**leg)
        connection.connection.execute(f"PREPARE TRANSACTION '{gid}'")
        return answer
    finally:
        connection.set_autocommit(True)


def finish(*, gid: str) -> Said:
    """The second phase."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"COMMIT PREPARED '{gid}'")
    return {}


if __name__ == "__main__":
    django.setup()
    jobs = {job.__name__: job for job in
            (open_accounts, transfer, reverse, legs, balance, close, prepare, finish)}  # fmt: skip
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(jobs[asked.pop("do")](**asked)), flush=True)
