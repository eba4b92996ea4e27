"""The jobs of the workers."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any
from unittest.mock import patch

from django.db import OperationalError, connection
from psycopg.errors import DeadlockDetected

from tests.bench import textbook
from tests.bench.rounds import paced
from tests.bench.samples import account_id, dice, some_amount, some_pair, some_words
from tests.bench.servers import comparison_tables
from transactions import services
from transactions.posting import single_statement


def pay_by_service(
    worker: int, seconds: float, accounts: int, *, step_by_step: bool = False, **place: Any
) -> float:
    """Returns transfers per second between random accounts, through `services.transfer`.

    `place` contains other settings of the connection, such as the host and port of a proxy.
    """
    if place:
        connection.ensure_connection()  # fills in the user
        connection.close()
        connection.settings_dict.update({name.upper(): value for name, value in place.items()})

    def step() -> None:
        sender, recipient = some_pair(accounts)
        services.transfer(
            from_account=sender,
            to_account=recipient,
            amount=some_amount(),
            description=some_words(),
        )

    never = patch.object(single_statement, "post", return_value=None)
    with never if step_by_step else nullcontext():
        return _counted(step, seconds)


def pay_by_threads(worker: int, seconds: float, accounts: int, threads: int) -> float:
    """Returns transfers per second of all threads of this process together."""

    def pay(_number: int) -> float:
        try:
            return pay_by_service(worker, seconds, accounts)
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(pay, range(threads)))


def pay_by_textbook(worker: int, seconds: float, accounts: int) -> float:
    """Returns transfers per second of the textbook transfer on copies of the tables. A transfer
    that ends in a deadlock does not count.
    """

    def step() -> bool:
        try:
            textbook.transfer(*some_pair(accounts), some_amount(), some_words())
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected):
                raise
            return False
        return True

    with comparison_tables():
        return _counted(step, seconds)


def pay_into(worker: int, seconds: float, payers: int, accounts: int, *, hot: bool) -> float:
    """Returns transfers per second from the worker's senders into one account: an account for all
    workers (`hot`), or one account per worker.
    """
    share = (accounts - payers) // payers
    senders = range(payers + 1 + worker * share, payers + 1 + (worker + 1) * share)
    recipient = account_id(1 if hot else worker + 1)

    def step() -> None:
        services.transfer(
            from_account=account_id(dice.choice(senders)),
            to_account=recipient,
            amount=some_amount(),
            description=some_words(),
        )

    return _counted(step, seconds)


def _counted(step: Callable[[], object], seconds: float) -> float:
    """Returns steps per second. Also updates the server's count of deadlocks at the end."""
    pace = paced(step, seconds)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
    return pace
