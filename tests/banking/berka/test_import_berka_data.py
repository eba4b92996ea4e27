"""The whole bank: what `import_berka` books, beside sums of the files by plain Python."""

from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count

from accounts.models import Account, User
from tests.banking.berka.berka_files import counts, run_import
from tests.banking.berka.shared import DATA, signed, table
from transactions.audit.audit import audit
from transactions.models import Entry, Transaction

AGREE = "All 864 accounts agree with the bank's own closing balance."
# Statements that the import may send; it sends 33,164 rows in batches. One statement for each row
# would make it slow, and the number of statements is the same on each machine.
STATEMENTS = 100

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


def imported() -> tuple[list[str], list[str]]:
    """The command's output, and the statements that it sent."""
    sent: list[str] = []

    def note(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        sent.extend([str(sql)[:80]] * (len(params) if many else 1))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        code, out, err = run_import(DATA)
    assert (code, err) == (0, [])
    return out, sent


def test_the_whole_bank_is_imported_and_agrees_with_its_own_balances() -> None:
    out, sent = imported()
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
    assert 0 < len(sent) <= STATEMENTS, Counter(sent).most_common(5)
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
