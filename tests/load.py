"""Processes that move money until their input is closed: `python -m tests.load JOB`.

- `open N`: opens N accounts with money in an empty bank.
- `pay`: makes transfers between these accounts, one after the other. Prints `sent <id>` before a
  transfer, `done <id>` after it, and `unknown <id>` before sending it again. So a test that kills
  the server knows which rows must exist. Exits with an error if a payment is refused.
- `verbs SEED`: calls the services in a random order, and prints the number of calls of each
  service.
"""

import random
import select
import sys
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import django

PAYER = "load@example.com"


def open_accounts(people: int) -> None:
    from accounts.models import User
    from accounts.services import open_account
    from transactions import services

    user = User.objects.create_user(PAYER, name="Load")
    for _ in range(people):
        account = open_account(user=user, currency="USD")
        services.deposit(to_account=account, amount=Decimal(1_000_000))


def session_of(user: Any) -> str:
    """Returns the key of a new session, as after a sign-in by password."""
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session.update(
        {
            SESSION_KEY: str(user.pk),
            HASH_SESSION_KEY: user.get_session_auth_hash(),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            "account_authentication_methods": [{"method": "password", "at": time.time()}],
            "account_authentication_methods_user": str(user.pk),
        }
    )
    session.save()
    return str(session.session_key)


def sign_in_people(count: int) -> None:
    """Prints one line for each of `count` new people: the key of a session, and the ids and numbers
    of two accounts with money.
    """
    from accounts.models import User
    from accounts.services import open_account
    from transactions import services

    for number in range(count):
        user = User.objects.create_user(f"person{number}@example.com", name="Load")
        accounts = [open_account(user=user, currency="USD") for _ in range(2)]
        for account in accounts:
            services.deposit(to_account=account, amount=Decimal(1_000_000))
        print(session_of(user), *(f"{account.pk} {account.number}" for account in accounts))


def told_to_stop() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


def pay() -> None:
    from django.db import DatabaseError, InterfaceError

    from accounts.models import Account
    from ledger.db.ids import uuid7
    from transactions import services

    mine, accounts = Account.objects.filter(user__email=PAYER), list[Any]()
    while not accounts and not told_to_stop():
        try:
            accounts = list(mine.values_list("pk", flat=True))
        except (DatabaseError, InterfaceError):
            time.sleep(0.02)  # the server is not reachable: the person reads their accounts again
    while not told_to_stop():
        id, (sender, recipient) = uuid7(), random.sample(accounts, 2)
        print("sent", id, flush=True)
        sides: dict[str, Any] = {"from_account": sender, "to_account": recipient}
        while not told_to_stop():
            try:
                row = services.transfer(amount=Decimal(1), id=id, **sides)
            except (DatabaseError, InterfaceError) as error:
                what = f"{type(error).__name__}: {error}".replace("\n", " ")
                print("unknown", id, what, flush=True)
                time.sleep(0.02)  # sends the same id again, like a client that received no response
                continue
            print("done", row.pk, flush=True)
            break


def verbs(seed: int) -> None:
    from accounts.models import Account
    from transactions import services
    from transactions.exceptions import LedgerError

    dice, done = random.Random(seed), Counter[str]()  # noqa: S311 - no secret
    accounts = list(Account.objects.values_list("pk", flat=True))
    holds, payments = list[Any](), list[Any]()

    def two() -> dict[str, Any]:
        sender, recipient = dice.sample(accounts, 2)
        return {"from_account": sender, "to_account": recipient, "amount": amount()}

    def amount() -> Decimal:
        return Decimal(dice.randint(1, 5000)) / 100

    def one_of(rows: list[Any]) -> Any:
        return dice.choice(rows) if rows else dice.choice(accounts)  # no row has an account's id

    def batch() -> None:
        drafts = [services.Draft(**two()) for _ in range(dice.choice([2, 30]))]
        services.post_batch(drafts, atomic=dice.random() < 0.5)

    acts: dict[str, Callable[[], Any]] = {
        "transfer": lambda: payments.append(services.transfer(**two()).pk),
        "deposit": lambda: services.deposit(to_account=dice.choice(accounts), amount=amount()),
        "withdraw": lambda: services.withdraw(from_account=dice.choice(accounts), amount=amount()),
        "hold": lambda: holds.append(services.hold(**two()).pk),
        "capture": lambda: services.capture(hold=one_of(holds)),
        "void": lambda: services.void(hold=one_of(holds)),
        "reverse": lambda: services.reverse(transaction=one_of(payments), amount=amount()),
        "batch": batch,
    }
    while not told_to_stop():
        name = dice.choice(list(acts))
        try:
            acts[name]()
        except LedgerError as refusal:
            name = f"{name}: {type(refusal).__name__}"
        done[name] += 1
    print(*(f"{name}={count}" for name, count in sorted(done.items())), sep="\n")


if __name__ == "__main__":
    django.setup()
    job, *arguments = sys.argv[1:]
    jobs: dict[str, Callable[..., None]] = {"open": open_accounts, "pay": pay, "verbs": verbs}
    jobs[job](*map(int, arguments))
