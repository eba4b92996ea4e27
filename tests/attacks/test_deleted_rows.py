"""Rows in append-only tables that the owner of the tables deletes: the audit finds these rows."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts import services as account_services
from accounts.models import (
    Account,
    Change,
    Read,
    RowRemoval,
    SignIn,
    StaffSum,
    User,
)
from banking.standing_orders.models import StandingOrder
from tests.attacks.people import rolled_back
from tests.attacks.registered_rows import rows_of_every_register, with_accounts
from tests.console import read
from tests.factories import AccountFactory, UserFactory, walls_down
from tests.refusals import refused_by
from tests.transactions.audit.breaking import found
from transactions.audit.audit import audit
from transactions.audit.checks.register import REGISTERED
from transactions.audit.findings import named
from transactions.privacy.erasure import erase
from transactions.privacy.retention import apply_retention

# Other checks of the audit find deletions in these tables: seals, the register, statements (the
# newest is issued again), and reconciliations.
FOUND_OTHERWISE = {
    "transactions", "seals", "sealed_days", "row_register", "row_revisions", "monthly_statements",
    "reconciliations", "reconciliation_lines",
}  # fmt: skip

pytestmark = pytest.mark.django_db


@pytest.fixture
def bank() -> Account:
    return rows_of_every_register()


def remove(table: str, sql: str = "", *parameters: Any) -> list[str]:
    """Deletes rows while triggers are disabled, and returns their ids."""
    key = REGISTERED[table]._meta.pk.column
    with walls_down(table) as cursor:
        cursor.execute(f"DELETE FROM {table} {sql} RETURNING {key}::text", parameters)
        return [key for (key,) in cursor.fetchall()]


@pytest.mark.parametrize("table", REGISTERED)
def test_a_deleted_row_is_named(table: str, bank: Account) -> None:
    key = REGISTERED[table]._meta.pk.column
    assert audit().clean
    (gone,) = remove(table, f"WHERE {key} = (SELECT {key} FROM {table} ORDER BY {key} LIMIT 1)")
    finding = found("missing row")
    assert (finding.expected, finding.broken) == (f"{table}: {gone}", 1)
    assert gone in finding.sentence
    assert f"missing from {table}" in finding.sentence


def test_a_deleted_row_is_named_with_its_account(bank: Account) -> None:
    assert len(with_accounts()) == 8
    for table in with_accounts():
        with rolled_back():
            of_accounts = "WHERE table_name = 'accounts'" if table == "changes" else ""
            transaction = getattr(REGISTERED[table]._base_manager.first(), "transaction_id", None)
            remove(table, of_accounts)
            finding = found("missing row")
            assert finding.account == str(bank.pk), table
            if table in ("transaction_notes", "annotations"):
                assert finding.transaction == str(transaction)
            assert finding.expected.startswith(f"{table}: ")


@pytest.mark.parametrize("table", ["limit_changes", "standing_orders", "approval_payments"])
def test_a_row_that_was_moved_is_named_with_the_account_of_before(
    table: str, bank: Account
) -> None:
    column = {"standing_orders": "from_account_id", "approval_payments": "to_account_id"}
    other = AccountFactory()
    with walls_down(table) as cursor:
        cursor.execute(
            f"UPDATE {table} SET {column.get(table, 'account_id')} = %s"
            " WHERE ctid IN (SELECT ctid FROM {table} LIMIT 1)".replace("{table}", table),
            [other.pk],
        )
    finding = found("altered row")
    assert finding.account == str(bank.pk)
    assert str(named(other.pk)) not in finding.sentence


@pytest.mark.parametrize("is_deleted", [False, True])
def test_without_an_account_in_the_entry_the_row_names_it(is_deleted: bool, bank: Account) -> None:
    """Tests entries that are older than the migration `accounts.0012`."""
    with walls_down("row_register") as cursor:
        cursor.execute("UPDATE row_register SET about = NULL")
    with walls_down("limit_changes") as cursor:
        cursor.execute(
            "DELETE FROM limit_changes" if is_deleted else "UPDATE limit_changes SET reason = 'x'"
        )
    finding = found("missing row" if is_deleted else "altered row")
    assert finding.account == (None if is_deleted else str(bank.pk))


def test_each_of_the_first_rows_is_named_with_its_account(bank: Account) -> None:
    other = AccountFactory()
    account_services.change_account(
        account=other, daily_limit=Decimal(500), reason="Asked by letter",
        changed_by=UserFactory(is_staff=True),
    )  # fmt: skip
    remove("limit_changes")
    sentence = found("missing row").sentence
    assert str(named(bank.pk)) in sentence
    assert str(named(other.pk)) in sentence


def test_a_deleted_sum_is_named_with_its_account(bank: Account) -> None:
    StaffSum.objects.create(key=f"2026-01-02 limits account {bank.pk}", share=0)
    remove("staff_sums", "WHERE key LIKE '%%account%%'")
    assert found("missing row").account == str(bank.pk)


def test_rows_of_several_tables_are_named_together(bank: Account) -> None:
    Read.objects.create(reader=bank.user, page="-", path="/", address="", people=[])
    reads, sums = remove("reads"), remove("staff_sums")
    finding = found("missing row")
    assert finding.broken == len(reads) + len(sums) == 3
    assert {*reads, *sums} <= {*finding.expected.replace(";", "").replace(",", "").split(" ")} | {
        "2026-01-01 money clerk x"
    }
    assert "2 rows are missing from reads" in finding.sentence


def test_the_registers_of_the_code_are_those_of_the_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger"
            " WHERE tgname LIKE '%%row_is_registered%%'"
            " AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)"
        )
        assert {name for (name,) in cursor.fetchall()} == REGISTERED.keys()


def test_each_table_without_deletions_has_a_register_or_another_check() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger"
            " WHERE (tgname LIKE '%%\\_stays\\_%%' OR tgname LIKE '%%lines\\_of\\_signed%%')"
            " AND tgtype & 8 > 0"  # the trigger refuses DELETE
            " AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)"
        )
        kept = {name for (name,) in cursor.fetchall()}
    assert kept - REGISTERED.keys() == FOUND_OTHERWISE


def test_a_row_inserted_without_triggers_is_found(bank: Account) -> None:
    """Tests a row such as a forged row of the history that explains a limit."""
    change = Change.objects.filter(about=str(bank.pk)).latest("changed_at")
    change.pk = "00000000-0000-4000-8000-000000000001"
    with walls_down("changes"):
        change.save(force_insert=True)
    finding = found("unregistered row")
    assert (finding.account, finding.found) == (str(bank.pk), f"changes: {change.pk}")


def unregister(*tables: str, row: str = "%") -> None:
    """Deletes entries of the register, with disabled triggers. The rows stay."""
    with walls_down("row_register") as cursor:
        cursor.execute(
            "DELETE FROM row_register WHERE table_name = ANY (%s) AND row_id LIKE %s",
            [[*tables], row],
        )
        assert cursor.rowcount > 0


@pytest.mark.parametrize(
    "table",
    [
        "account_status_changes", "limit_changes", "approval_requests", "approval_payments",
        "transaction_notes", "annotations", "standing_orders",
    ],
)  # fmt: skip
def test_a_row_whose_entry_was_deleted_is_named_with_its_account(table: str, bank: Account) -> None:
    unregister(table)
    finding = found("unregistered row")
    assert finding.account == str(bank.pk)
    assert finding.found.startswith(f"{table}: ")


def test_a_change_whose_entry_was_deleted_is_named_with_its_account(bank: Account) -> None:
    change = Change.objects.filter(about=str(bank.pk), table_name="accounts").latest("changed_at")
    unregister("changes", row=str(change.pk))
    finding = found("unregistered row")
    assert (finding.account, finding.found) == (str(bank.pk), f"changes: {change.pk}")


def test_a_sum_whose_entry_was_deleted_is_named_with_its_account(bank: Account) -> None:
    added = StaffSum.objects.create(key=f"2026-01-02 limits account {bank.pk}", share=0)
    unregister("staff_sums", row=added.key)
    finding = found("unregistered row")
    assert (finding.account, finding.found) == (str(bank.pk), f"staff_sums: {added.key}")


def test_of_several_tables_the_first_row_with_an_account_is_named(bank: Account) -> None:
    unregister("sign_ins", "standing_orders")
    finding = found("unregistered row")
    assert finding.account == str(bank.pk)
    assert "sign_ins" in finding.found
    assert f"{StandingOrder.objects.get().pk} of account" in finding.sentence


def test_an_emptied_register_is_found(bank: Account) -> None:
    with walls_down("row_register") as cursor:
        cursor.execute("DELETE FROM row_register")
    finding = found("unregistered row")
    assert (finding.account, finding.broken > 10) == (str(bank.pk), True)


def test_the_rows_after_the_first_five_are_listed(
    bank: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code of docs/audit.md lists the rows that a finding only counts."""
    for _ in range(6):
        account_services.unfreeze_account(account=bank, reason="Found")
        account_services.freeze_account(account=bank, reason="Lost card")
    gone = remove("account_status_changes")
    finding = found("missing row")
    assert finding.broken == len(gone) == 13
    assert sum(row in finding.sentence for row in gone) == 5
    (code,) = re.findall(r"```python\n(.*?)```", read("docs/audit.md"), re.DOTALL)
    exec(code.replace("limit_changes", "account_status_changes"))  # noqa: S102 - our own page
    listed = capsys.readouterr().out.splitlines()
    assert {*listed} == {f"missing row {row} {bank.pk}" for row in gone}


def test_only_rows_from_then_on_are_compared(bank: Account) -> None:
    remove("reads")
    assert not audit(since=timezone.now() - timedelta(days=1)).clean
    assert audit(since=timezone.now() + timedelta(seconds=1)).clean


def test_what_retention_deletes_is_clean_and_what_was_newer_is_not(bank: Account) -> None:
    def older(days: int) -> None:
        with walls_down("reads", "sign_ins", "row_register") as cursor:
            for table, time in (("reads", "read_at"), ("sign_ins", "at")):
                cursor.execute(
                    f"UPDATE {table} SET {time} = {time} - %s * interval '1 day'", [days]
                )
            cursor.execute("UPDATE row_register SET registered_at = registered_at"
                           " - %s * interval '1 day' WHERE table_name IN ('reads', 'sign_ins')",
                           [days])  # fmt: skip

    older(3000)
    SignIn.objects.create(user=bank.user, outcome="ok", device="Phone", place="here")
    Read.objects.create(reader=bank.user, page="-", path="/", address="", people=[])
    deleted = apply_retention()
    assert (deleted["reads of others' data"], deleted["sign-ins"]) == (1, 1)
    assert audit().clean
    noted = RowRemoval.objects.exclude(removed_before=None)
    assert {*noted.values_list("table_name", flat=True)} == {"reads", "sign_ins"}
    remove("reads")
    assert found("missing row").broken == 1


def test_the_newest_sign_in_is_covered_by_a_removal_although_retention_keeps_it(
    bank: Account,
) -> None:
    """docs/audit.md lists this deletion among those that the audit does not find."""
    long_ago = timezone.now() - timedelta(days=3000)
    facts: dict[str, Any] = {"user": UserFactory(), "at": long_ago, "device": "x", "place": "x"}
    refused = SignIn.objects.create(outcome="refused", **facts)
    newest = SignIn.objects.create(outcome="ok", **facts)
    with walls_down("row_register") as cursor:
        cursor.execute(
            "UPDATE row_register SET registered_at = %s WHERE row_id = ANY (%s)",
            [long_ago, [str(refused.pk), str(newest.pk)]],
        )
    apply_retention()
    assert {*SignIn.objects.filter(at=long_ago)} == {newest}
    remove("sign_ins", "WHERE id = %s", newest.pk)
    assert audit().clean


def test_nothing_is_noted_where_retention_deletes_nothing(bank: Account) -> None:
    before = RowRemoval.objects.count()
    apply_retention()
    assert RowRemoval.objects.count() == before


def test_an_erased_person_leaves_a_clean_audit(bank: Account) -> None:
    person: User = bank.user
    erase(person)
    assert audit().clean
    assert {*RowRemoval.objects.values_list("table_name", flat=True)} == {
        "reads", "sign_ins", "annotations", "api_tokens", "standing_orders",
    }  # fmt: skip


@pytest.mark.parametrize("by", ["time", "id"])
def test_a_removal_from_one_table_excuses_no_other(by: str, bank: Account) -> None:
    (gone,) = remove("limit_changes")
    with walls_down("row_register") as cursor:
        cursor.execute(
            "UPDATE row_register SET registered_at = registered_at - interval '9 days'"
            " WHERE row_id = %s",
            [gone],
        )
    days_ago = timezone.now() - timedelta(days=2)
    what: dict[str, Any] = {"removed_before": days_ago} if by == "time" else {"row_ids": [gone]}
    RowRemoval.objects.create(table_name="reads", reason="Keeping time", **what)
    assert found("missing row").expected == f"limit_changes: {gone}"
    RowRemoval.objects.create(table_name="limit_changes", reason="Lost", **what)
    assert "missing row" not in {finding.check for finding in audit().findings}


def test_a_removal_of_no_row_excuses_none(bank: Account) -> None:
    """In SQL, no value is known to be outside of a list that contains NULL."""
    (gone,) = remove("limit_changes")
    RowRemoval.objects.create(table_name="limit_changes", reason="Lost", row_ids=[None])
    assert found("missing row").expected == f"limit_changes: {gone}"


@pytest.mark.parametrize("dated", ["today", "next month"])
def test_a_removal_that_covers_rows_of_today_is_found(dated: str, bank: Account) -> None:
    """With a later date, a removal would make rows of today look old."""
    remove("reads")
    now = timezone.now()
    removed_at = now if dated == "today" else now + timedelta(days=30)
    RowRemoval.objects.create(
        table_name="reads", removed_before=now, reason="Keeping time", removed_at=removed_at
    )
    assert found("early removal").broken == 1


@pytest.mark.parametrize("table", ["row_register", "row_removals"])
def test_nobody_changes_the_register_or_the_removals(table: str, bank: Account) -> None:
    assert refused_by(f"DELETE FROM {table}") in {"registered_row_stays", "removal_stays"}
    assert refused_by(f"UPDATE {table} SET table_name = 'x'") in {
        "registered_row_stays", "removal_stays",
    }  # fmt: skip
    connection.check_constraints()
    assert refused_by(f"TRUNCATE {table}") in {"registered_rows_stay", "removals_stay"}
