"""The whole bank: what `import_berka` books, beside sums of the files by plain Python."""

import json
import os
import time
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.db import transaction as db_transaction
from django.db.models import Count

from accounts.models import Account, User
from tests.transactions.berka.berka_files import counts, run_import
from tests.transactions.berka.shared import DATA, signed, table
from transactions.audit.audit import audit
from transactions.models import Entry, Transaction

AGREE = "All 864 accounts agree with the bank's own closing balance."
# Rows for each second of work: of processor time, the importer's and that of its Postgres backend.
# They take turns, so on an idle machine this is the time on the clock; on a busy one the clock
# also counts what others do, and proves nothing.
ROWS_A_SECOND = 5_000
TRIES = 3  # a busy machine spoils caches too, so the quickest run counts
# A shared processor is at times slower for everything, so plain work is timed beside each run; the
# rate holds for a processor that does it in so many seconds.
PLAIN_SECONDS = 0.25

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        not (DATA / "trans.asc").is_file(),
        reason="The Berka data is not there; say where with LEDGER_BERKA=directory.",
    ),
]


def histories() -> dict[str, list[dict[str, str]]]:
    """Each account's rows, by day and credits first."""
    found = defaultdict(list)
    for row in table("trans"):
        found[row["account_id"]].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: (row["date"], row["type"] != "PRIJEM", int(row["trans_id"])))
    return found


def closing_balances(rows: list[dict[str, str]]) -> set[Decimal]:
    """The last day's balances from which no other row of that day starts."""
    last = [row for row in rows if row["date"] == rows[-1]["date"]]
    return {
        Decimal(row["balance"])
        for row in last
        if not any(
            abs(Decimal(other["balance"]) - signed(other) - Decimal(row["balance"])) < 1
            for other in last
            if other is not row
        )
    }


def lowest(rows: list[dict[str, str]]) -> Decimal:
    low = balance = Decimal(0)
    for row in rows:
        balance += signed(row)
        low = min(low, balance)
    return low


def seconds_of_work() -> float:
    """Processor time so far; where Postgres runs elsewhere, or not on Linux, the clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        stat = Path(f"/proc/{cursor.fetchone()[0]}/stat")
    if not (settings.LEDGER_EMBEDDED and stat.exists()):
        return time.perf_counter()
    # After the name in brackets, which may hold spaces: state is the third field of proc(5).
    fields = stat.read_text().rpartition(")")[2].split()
    ticks = int(fields[14 - 3]) + int(fields[15 - 3])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def plain_work() -> float:
    """Seconds of processor time for work that no change of the project makes slower."""
    began = time.process_time()
    for number in range(40_000):
        row = {"category": "interest", "source": {"bank": "berka", "trans_id": number}}
        assert json.loads(json.dumps(row)) == row
    return time.process_time() - began


def imported() -> tuple[list[str], float]:
    """The command's output, and the rows a second of the quickest of a few fresh runs."""
    fastest = 0.0
    for tries_left in reversed(range(TRIES)):
        savepoint = db_transaction.savepoint()
        plain, started = plain_work(), seconds_of_work()
        code, out, err = run_import(DATA)
        seconds = seconds_of_work() - started
        slower = max(1, (plain + plain_work()) / 2 / PLAIN_SECONDS)
        assert (code, err) == (0, [])
        fastest = max(fastest, len(table("trans")) / seconds * slower)
        if fastest >= ROWS_A_SECOND or not tries_left:
            break
        db_transaction.savepoint_rollback(savepoint)
    return out, fastest


def test_the_whole_bank_is_imported_and_agrees_with_its_own_balances() -> None:
    out, rows_a_second = imported()
    rows = table("trans")
    assert out[1:] == [AGREE], out[:5]
    assert counts(out) == (33_164, 0, 0)
    assert len(rows) == Transaction.objects.count() == 33_164
    assert len(table("account")) == Account.objects.filter(currency="CZK").count() == 864
    owners = {row["client_id"] for row in table("disp") if row["type"] == "OWNER"}
    emails = set(User.objects.values_list("email", flat=True))
    assert emails == {f"client-{client}@berka.example" for client in owners}
    inflow = sum(Account.objects.values_list("balance", flat=True))
    assert inflow == sum(map(signed, rows)) == Decimal("27496238.50")
    result = audit()
    assert result.clean, result.findings
    assert_accounts_agree()
    assert_rows_agree()
    assert rows_a_second >= ROWS_A_SECOND
    assert_second_run_changes_nothing()


def assert_accounts_agree() -> None:
    accounts = {int(account.number[:10]): account for account in Account.objects.all()}
    overdrawn = 0
    for account_id, rows in histories().items():
        account = accounts[int(account_id)]
        (closing,) = closing_balances(rows)
        assert account.balance == sum(map(signed, rows))
        assert abs(account.balance - closing) <= Decimal("0.06") * len(rows), account_id
        low = lowest(rows)
        overdrawn += low < 0
        assert account.overdraft_limit % 1000 == 0
        assert 0 <= account.overdraft_limit + low < 1000, account_id
    assert overdrawn == 17


def assert_rows_agree() -> None:
    """Every row under its own account and date, in order, and the codes by their count."""
    expected = [
        (int(account_id), int(row["trans_id"]), row["date"], signed(row))
        for account_id, rows in sorted(histories().items(), key=lambda item: int(item[0]))
        for row in rows
    ]
    entries = Entry.objects.order_by("account__number", "created_at").values_list(
        "metadata__source", "value_date", "created_at", "signed_amount"
    )
    booked = []
    for source, day, moment, amount in entries:
        assert moment.date() == day
        booked.append((source["account_id"], source["trans_id"], f"{day:%y%m%d}", amount))
        assert day < date(1994, 4, 1)
    assert booked == expected
    codes = Counter(row["k_symbol"].strip() for row in table("trans"))
    words = dict(Transaction.objects.values_list("category").annotate(Count("pk")))
    for code, category in {
        "SIPO": "household", "SLUZBY": "statement fee", "POJISTNE": "insurance",
        "UVER": "loan payment", "DUCHOD": "pension", "UROK": "interest",
        "SANKC. UROK": "penalty interest",
    }.items():  # fmt: skip
        assert codes[code] == words.pop(category)
    assert words.keys() == {"cash", "card", "transfer"}
    assert sum(words.values()) == codes[""]


def assert_second_run_changes_nothing() -> None:
    def state() -> list[object]:
        return [
            *Transaction.objects.order_by("pk").values_list("pk", "created_at", "amount"),
            *Account.objects.order_by("pk").values_list(),
            *User.objects.order_by("pk").values_list(),
        ]

    before = state()
    code, out, err = run_import(DATA)
    assert (code, err, out[1:]) == (0, [], [AGREE])
    assert out[0].startswith("Opened 0 accounts for 0 ")
    assert counts(out) == (0, 33_164, 0)
    assert state() == before
