"""The cost of row-level security: the same pages and payments with and without it.

Measures the processor time of this process and its Postgres session together, because waits of a
busy machine would hide differences of a tenth. Measures clock time if the system does not provide
the processor time of another process.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.test import Client, override_settings
from django.urls import reverse

from accounts.models import Account, User
from ledger.db.rights.row_security import SignedReader
from ledger.embedded.roles import OWNER, WEB
from tests.bench.bank import RICH, open_accounts
from tests.bench.figures import STATEMENT_BY_ROWS
from tests.bench.results import Results, report_progress
from tests.bench.rounds import alternate, compared
from tests.bench.samples import account_id, dice, some_amount, some_words
from tests.bench.scale import Scale
from tests.bench.servers import admin, disconnect, fresh_database, new_database, point_at
from transactions import services
from transactions.row_security import installation
from transactions.row_security.middleware import row_scope_of
from transactions.services import Draft

OFF, ON = "without row-level security", "with row-level security"
DATABASES = {OFF: "bench_rows_off", ON: "bench_rows_on"}
OWN = 3  # accounts of the reader; each other account belongs to a different person
PAYMENTS = 900  # number of the reader's payments


def measure(scale: Scale, results: Results) -> None:
    with fresh_database(DATABASES[OFF]):
        reader, client = _fill(scale.accounts)
        disconnect()
        with new_database(DATABASES[ON], DATABASES[OFF]):
            point_at(DATABASES[ON])
            with override_settings(LEDGER_ROW_SECURITY=True):
                installation.apply()
            for database in DATABASES.values():
                with admin(database) as server:
                    server.execute("VACUUM ANALYZE")
            try:
                _measure(scale, results, reader, client)
            finally:
                _as(OWNER, DATABASES[OFF])


def _measure(scale: Scale, results: Results, reader: User, client: Client) -> None:
    pages: dict[str, Callable[[Client], object]] = {
        "statement of 50 rows": partial(
            _get, path=reverse("transactions:statement", args=[account_id(1)])
        ),
        "home": partial(_get, path="/"),
        "search in one's own rows": partial(_get, path=reverse("transactions:search") + "?q=rent"),
        "services.transfer": lambda _client: _pay(reader, scale.accounts),
    }
    clients = {OFF: client, ON: Client(headers={"host": "localhost"})}
    clients[ON].cookies = client.cookies
    for name, page in pages.items():
        report_progress(f"row-level security: {name}")
        turns = {which: partial(_turn, which, page, clients[which], reader, 5 * scale.reads)
                 for which in DATABASES}  # fmt: skip
        rounds = alternate(scale.rounds, turns)
        target = STATEMENT_BY_ROWS if name.startswith("statement") else None
        results.add(compared("rows", name, rounds, OFF, target, mine=ON, unit="ms"))


def _fill(accounts: int) -> tuple[User, Client]:
    """Creates the reader with three accounts and payments from and to many people. Returns the
    reader and a signed-in client.
    """
    open_accounts(accounts, holders=accounts - OWN + 1)
    reader = Account.objects.select_related("user").get(pk=account_id(1)).user
    own = [account_id(n) for n in range(1, OWN + 1)]
    Account.objects.filter(pk__in=own).update(user=reader)
    services.post_batch(
        [Draft(to_account=account_id(n), amount=RICH) for n in range(1, accounts + 1)]
    )
    services.post_batch([_draft(dice.choice(own), accounts) for _ in range(PAYMENTS)])
    client = Client(headers={"host": "localhost"})
    client.force_login(reader)
    return reader, client


def _draft(own: Any, accounts: int) -> Draft:
    other = account_id(dice.randint(OWN + 1, accounts))
    sender, recipient = dice.choice([(own, other), (other, own)])
    return Draft(
        from_account=sender, to_account=recipient, amount=some_amount(), description=some_words()
    )


def _turn(
    which: str, page: Callable[[Client], object], client: Client, reader: User, calls: int
) -> float:
    """Returns the milliseconds of one call by the web role. The first two calls are not counted."""
    _as(WEB, DATABASES[which])
    database: Any = connections[DEFAULT_DB_ALIAS]
    with override_settings(LEDGER_ROW_SECURITY=which == ON):
        began = 0.0
        for call in range(calls + 2):
            if call == 2:
                began = _processor_time()
            # A request sets its reader. A payment has none.
            database.reader = SignedReader(lambda: reader, row_scope_of) if which == ON else None
            page(client)
        took = _processor_time() - began
    database.reader = None
    return took / calls * 1000


def _processor_time() -> float:
    """Returns the processor time of this process and its Postgres session so far, in seconds."""
    session = connections[DEFAULT_DB_ALIAS].connection.info.backend_pid
    try:
        nanoseconds = Path(f"/proc/{session}/schedstat").read_text().split()[0]
    except OSError:
        return perf_counter()
    return process_time() + int(nanoseconds) / 1e9


def _as(role: str, database: str) -> None:
    point_at(database)
    connections[DEFAULT_DB_ALIAS].settings_dict["USER"] = role


def _get(client: Client, path: str) -> None:
    assert client.get(path).status_code == 200


def _pay(reader: User, accounts: int) -> None:
    services.transfer(
        from_account=account_id(1),
        to_account=account_id(dice.randint(OWN + 1, accounts)),
        amount=Decimal("0.01"),
        created_by=reader,
    )
