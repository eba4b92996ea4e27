"""Rows in append-only tables that the owner of the tables edits: the audit finds these rows.

Changes that are allowed, because a person is erased or a request is decided, are recorded and
accepted.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import ProgrammingError, connection
from django.db import transaction as db_transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import approvals
from accounts.models import (
    Account,
    ApprovalRequest,
    Change,
    Read,
    RowRevision,
    StatusChange,
    User,
)
from accounts.models.revisions import accept_rows, new_columns_sql
from banking.standing_orders import services
from banking.standing_orders.models import CHANGES_AMOUNT, PROGRESS, StandingOrder
from ledger.db.history.register import BY_RULE, ERASES, digest_of, digested
from ledger.db.local_settings import set_locally
from tests.attacks.registered_rows import rows_of_every_register, with_accounts
from tests.conftest import set_role
from tests.factories import AccountFactory, UserFactory, walls_down
from tests.refusals import refused_by
from transactions.annotations.services import annotate
from transactions.audit.audit import audit
from transactions.audit.checks.register import REGISTERED, register
from transactions.audit.findings import Finding
from transactions.models import AuditRun
from transactions.privacy.erasure import WHY, erase
from transactions.services import transfer

pytestmark = pytest.mark.django_db

# By type, another value that is as similar as possible.
OTHER = {
    "boolean": "{0} IS NOT TRUE",
    "uuid": "gen_random_uuid()",
    "numeric": "coalesce({0}, 0) + 0.0001",
    "bigint": "{0} + 1",
    "integer": "coalesce({0}, 0) + 1",
    "date": "coalesce({0}, current_date) + 1",
    "timestamp with time zone": "coalesce({0}, now()) + interval '1 microsecond'",
    "character varying": "CASE WHEN coalesce({0}, '') = '' THEN 'x' ELSE left({0}, -1) END",
    "jsonb": "CASE jsonb_typeof({0}) WHEN 'array' THEN {0} || '[1]' ELSE"
    " coalesce({0}, '{{}}') || '{{\"forged\": null}}' END",
    "ARRAY": "{0} || 'forged'::varchar",
    "uuid[]": "{0} || gen_random_uuid()",
}
NOT_COMPARED = {
    ("staff_sums", "share"),  # the check `threshold` calculates the sums again
    ("api_tokens", "last_used_at"), ("api_tokens", "last_used_from"),
    *(("standing_orders", column) for column in PROGRESS),  # changes every day
}  # fmt: skip


@pytest.fixture
def bank() -> Account:
    return rows_of_every_register()


def altered() -> Finding | None:
    return next((each for each in register() if each.check == "altered row"), None)


def test_the_account_of_an_edited_row_is_named(bank: Account) -> None:
    freezing = StatusChange.objects.filter(account__isnull=False)[:1].get()
    with walls_down(StatusChange._meta.db_table):
        StatusChange.objects.filter(pk=freezing.pk).update(reason="forged")
    found = altered()
    assert found is not None
    assert found.account == str(freezing.account_id)


def test_of_two_accounts_the_payer_is_named(bank: Account) -> None:
    order = StandingOrder.objects.filter(to_account__isnull=False)[:1].get()
    with walls_down(StandingOrder._meta.db_table):
        StandingOrder.objects.filter(pk=order.pk).update(to_account=AccountFactory())
    found = altered()
    assert found is not None
    assert found.account == str(order.from_account_id)


def test_of_a_row_about_a_payment_the_payer_is_named(bank: Account) -> None:
    payer, paid = AccountFactory(balance=10), AccountFactory()
    payment = transfer(from_account=payer, to_account=paid, amount=Decimal(1))
    annotate(transaction=payment, owner=paid.user, text="Lunch")
    with walls_down("annotations") as cursor:
        cursor.execute("UPDATE annotations SET text = 'x' WHERE transaction_id = %s", [payment.pk])
    found = altered()
    assert found is not None
    assert (found.account, found.transaction) == (str(payer.pk), str(payment.pk))


def test_of_a_change_of_an_account_that_account_is_named(bank: Account) -> None:
    change = Change.objects.filter(table_name="accounts").latest("changed_at")
    with walls_down("changes"):
        Change.objects.filter(pk=change.pk).update(reason="forged")
    found = altered()
    assert found is not None
    assert found.account == change.about


def columns_of(table: str) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, CASE udt_name WHEN '_uuid' THEN 'uuid[]' ELSE data_type END"
            " FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"
            " AND is_generated = 'NEVER'",
            [table],
        )
        return dict(cursor.fetchall())


@pytest.fixture
def without_constraints(bank: Account) -> None:
    """Drops the constraints that would refuse a forged value, as the owner of the tables could."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname)"
            " FROM pg_constraint WHERE contype IN ('c', 'f', 'u', 'x')"
            " AND conrelid = ANY (%s::regclass[])",
            [list(REGISTERED)],
        )
        for (drop,) in cursor.fetchall():
            cursor.execute(drop)


@pytest.mark.parametrize("table", REGISTERED)
def test_every_column_that_the_owner_edits_is_found(
    table: str, bank: Account, without_constraints: None
) -> None:
    account = str(bank.pk) if table in with_accounts() - {"changes"} else None
    key = REGISTERED[table]._meta.pk.column
    assert altered() is None
    columns = columns_of(table)
    assert len(columns) > 1
    for column, kind in columns.items():
        before = db_transaction.savepoint()
        with walls_down(table) as cursor:
            cursor.execute(
                f'UPDATE {table} SET "{column}" = {OTHER[kind].format(chr(34) + column + chr(34))}'
                f" WHERE {key} = (SELECT {key} FROM {table} ORDER BY {key} LIMIT 1)"
                f" RETURNING {key}::text"
            )
            ((forged,),) = cursor.fetchall()
        finding = altered()
        if column == key:
            assert [(each.check, each.account) for each in register()] == [
                ("missing row", account), ("unregistered row", account),
            ]  # fmt: skip
        elif (table, column) in NOT_COMPARED:
            assert finding is None
        else:
            assert finding is not None, (table, column)
            assert (finding.found, finding.broken) == (f"{table}: {forged}", 1)
            assert table == "changes" or finding.account == account
            assert forged in finding.sentence
        db_transaction.savepoint_rollback(before)


def test_the_digest_depends_on_no_setting_of_the_session(bank: Account) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TimeZone = 'Asia/Kathmandu'")
        cursor.execute("SET LOCAL DateStyle = 'SQL, DMY'")
        cursor.execute("SET LOCAL IntervalStyle = 'sql_standard'")
        cursor.execute("SET LOCAL bytea_output = 'escape'")
    assert list(register()) == []
    Read.objects.create(reader=bank.user, page="-", path="/", address="", people=[])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TimeZone = 'UTC'")
        cursor.execute("SET LOCAL DateStyle = 'ISO, MDY'")
    assert list(register()) == []


def test_only_newer_rows_are_digested_with_since(bank: Account) -> None:
    edit("changes", "reason", "Forged")
    since = timezone.now()
    assert [each.check for each in register()] == ["altered row"]
    assert list(register(since)) == []
    assert [each.check for each in register(since - timedelta(days=1))] == ["altered row"]


def edit(table: str, column: str, value: Any, *, leave_on: str = "") -> None:
    """Edits all rows. With `leave_on`, this trigger stays enabled."""
    with walls_down(table) as cursor:
        if leave_on:
            cursor.execute(
                "SELECT quote_ident(tgname) FROM pg_trigger WHERE tgrelid = %s::regclass"
                " AND tgname LIKE %s",
                [table, f"%{leave_on}%"],
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {name}")
        cursor.execute(
            f"UPDATE {table} SET {column} = %(value)s WHERE {column} IS DISTINCT FROM %(value)s",
            {"value": value},
        )
        assert cursor.rowcount > 0


@pytest.mark.usefixtures("rows_secured")
def test_the_page_finds_them_with_row_level_security(bank: Account, staff: Client) -> None:
    """The audit includes tables with rows that staff may not read, and finds nothing else in these
    tables.
    """
    run = reverse("admin:transactions_auditrun_run")
    staff.post(run, {"scope": "all"})
    assert AuditRun.objects.latest("started_at").found == []
    edit("annotations", "text", "Forged")
    edit("sign_ins", "place", "elsewhere")
    staff.post(run, {"scope": "all"})
    (finding,) = AuditRun.objects.latest("started_at").found
    assert (finding["check"], finding["broken"]) == ("altered row", 2)
    assert "sign_ins" in finding["found"]
    assert "annotations" in finding["found"]


def test_a_standing_order_that_the_owner_redirects_is_found_with_all_triggers_on(
    bank: Account,
) -> None:
    order, thief = StandingOrder.objects.get(), AccountFactory()
    services.change_amount(order=order, amount=Decimal(30))
    set_locally(**{CHANGES_AMOUNT: ""})  # as at the end of the service's transaction
    services.pause(order=order)
    assert list(register()) == []
    for forged in ({"to_account": thief}, {"amount": 31}):
        before = db_transaction.savepoint()
        StandingOrder.objects.update(**forged)
        finding = altered()
        assert finding is not None
        assert (finding.account, finding.found) == (str(bank.pk), f"standing_orders: {order.pk}")
        db_transaction.savepoint_rollback(before)


# Allowed changes


def test_erasing_a_person_changes_rows_by_right(bank: Account) -> None:
    erase(bank.user)
    assert audit().clean
    noted = RowRevision.objects.filter(reason=WHY)
    tables = {*noted.values_list("table_name", flat=True)}
    assert {"changes", "reads", "account_status_changes", "limit_changes"} <= tables
    assert not StatusChange.objects.exclude(reason="").exists()


def test_a_row_that_was_forged_before_stays_found_after_erasing(bank: Account) -> None:
    edit("account_status_changes", "changed_by_id", UserFactory().pk)
    erase(bank.user)
    finding = altered()
    assert finding is not None
    assert finding.found.startswith("account_status_changes")
    assert finding.account == str(bank.pk)


@pytest.mark.parametrize(
    ("table", "column", "value", "is_found"),
    [
        ("limit_changes", "reason", "Forged", True),
        ("limit_changes", "reason", "", False),
        ("limit_changes", "changed_by_id", None, True),
        ("changes", "after", '{"daily_limit": 7}', True),
        ("changes", "after", None, True),
        ("changes", "after", "{}", False),
        ("changes", "session", "", True),
        ("approval_requests", "amount", 7, True),
        ("approval_requests", "parameters", '{"message": "", "description": "Lunch"}', False),
        ("approval_requests", "parameters", '{"message": "", "description": "A file"}', False),
        ("approval_requests", "parameters", '{"message": "You", "description": "Lunch"}', True),
        ("approval_requests", "parameters", '{"message": "", "description": "Gift"}', True),
        ("approval_requests", "parameters", '{"message": "", "captures": "x"}', True),
    ],
)
def test_by_the_way_of_erasing_texts_are_emptied_and_nothing_else(
    table: str, column: str, value: Any, is_found: bool, bank: Account
) -> None:
    """Tests a forger who uses the setting of erasures, and does not disable the trigger that
    records revisions.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT set_config('{ERASES}', 'At my wish', true)")
    edit(table, column, value, leave_on="row_is_revised")
    finding = altered()
    assert (finding is not None) == is_found
    if finding:
        assert finding.found.startswith(f"{table}: ")
        assert finding.account == str(bank.pk) or table == "changes"
    assert RowRevision.objects.filter(reason="At my wish", table_name=table).exists() != is_found


def test_without_the_setting_an_emptied_text_is_found(bank: Account) -> None:
    edit("limit_changes", "reason", "", leave_on="row_is_revised")
    finding = altered()
    assert finding is not None
    assert (finding.account, finding.found) == (
        str(bank.pk), f"limit_changes: {bank.limit_changes.get().pk}",
    )  # fmt: skip


def test_decisions_and_uses_of_requests_are_noted(bank: Account, boss: User) -> None:
    request = ApprovalRequest.objects.get()
    approvals.decline(request=request, by=boss, note="No")
    assert audit().clean
    revision = RowRevision.objects.get(row_id=str(request.pk))
    assert (revision.reason, revision.role) == (BY_RULE, "ledger")


@pytest.mark.parametrize(
    ("column", "value"), [("status", "approved"), ("note", "Yes"), ("decided_by_id", "other")]
)
def test_a_decision_that_is_changed_afterwards_is_found(
    column: str, value: str, bank: Account, boss: User
) -> None:
    approvals.decline(request=ApprovalRequest.objects.get(), by=boss, note="No")
    edit(
        "approval_requests",
        column,
        UserFactory().pk if value == "other" else value,
        leave_on="row_is_revised",
    )
    finding = altered()
    assert finding is not None
    assert (finding.account, finding.found) == (
        str(bank.pk), f"approval_requests: {ApprovalRequest.objects.get().pk}",
    )  # fmt: skip


def test_what_the_owner_accepts_is_clean_and_stays_on_record(bank: Account) -> None:
    edit("reads", "page", "forged")
    read = Read.objects.get()
    assert accept_rows(Read, [read.pk], "No backup has it") == 1
    assert audit().clean
    assert RowRevision.objects.get(row_id=str(read.pk)).reason == "No backup has it"
    edit("reads", "page", "forged again")
    assert altered() is not None


# Migrations


def test_a_new_column_leaves_intact_rows_clean_and_forged_ones_found(bank: Account) -> None:
    """Treats `proved` as the newest column of the history."""
    with walls_down("row_register") as cursor:
        before = digest_of(Change, "changes", without=["proved"])
        cursor.execute(
            f"UPDATE row_register SET digest = {before} FROM changes"
            " WHERE row_register.table_name = 'changes' AND row_id = changes.id::text"
        )
    forged = Change.objects.latest("changed_at")
    with walls_down("changes") as cursor:
        cursor.execute("UPDATE changes SET reason = 'Forged' WHERE id = %s", [forged.pk])
    with connection.cursor() as cursor:
        cursor.execute(new_columns_sql(Change, "proved"))
    finding = altered()
    assert finding is not None
    assert (finding.found, finding.broken) == (f"changes: {forged.pk}", 1)


# A migration that adds a column to one of these tables must run `new_columns_sql` for the column.
# Otherwise the audit of a bank with older rows reports each of them. The column must also be added
# here.
DIGESTED = {
    "changes": (
        "about action address after before changed_at id path person_id proved reason request "
        "role session table_name"
    ),
    "reads": "address id page path people query read_at reader_id request role session",
    "approval_requests": (
        "amount currency decided_at decided_by_id expires_at from_account_id id kind note "
        "parameters person_id reason requested_at requested_by_id status to_account_id "
        "transaction_id used_amount used_at"
    ),
    "approval_payments": "amount id payment_id request_id to_account_id",
    "staff_sums": "key",
    "account_status_changes": (
        "account_id changed_by_id created_at from_status id message reason to_status"
    ),
    "limit_changes": (
        "account_id changed_by_id created_at daily_limit daily_limit_before id "
        "overdraft_limit overdraft_limit_before reason transfer_limit transfer_limit_before"
    ),
    "api_tokens": (
        "created_at currency expires_at hash id name per_day per_payment prefix reason "
        "revoked_at revoked_by_id scopes second_factor user_id"
    ),
    "sign_ins": "at device id method outcome place user_id",
    "transaction_notes": "action created_at id message reason transaction_id written_by_id",
    "annotations": "created_at id owner_id tags text transaction_id",
    "audit_runs": "accounts findings finished_at id run_by_id since started_at transactions",
    "standing_orders": (
        "amount created_at description every first_on from_account_id id last_on owner_id "
        "reference times to_account_id"
    ),
    "explorer_runs": (
        "form id message milliseconds outcome parameters person_id ran_at rows scope sql"
    ),
    "row_removals": "id reason removed_at removed_before row_ids table_name",
}


def test_each_table_says_which_columns_its_digests_cover() -> None:
    columns = {
        table: " ".join(str(field.column) for field in digested(model))
        for table, model in REGISTERED.items()
    }
    assert columns == DIGESTED


def test_nobody_changes_the_revisions_and_the_web_role_reads_them(
    bank: Account, boss: User
) -> None:
    approvals.decline(request=ApprovalRequest.objects.get(), by=boss, note="No")
    for sql in ("DELETE FROM row_revisions", "UPDATE row_revisions SET reason = 'x'"):
        assert refused_by(sql) == "revision_stays"
    assert refused_by("TRUNCATE row_revisions") == "revisions_stay"
    set_role(settings.LEDGER_WEB_ROLE)
    assert list(register()) == []
    with pytest.raises(ProgrammingError, match="permission denied"), db_transaction.atomic():
        RowRevision.objects.create(table_name="reads", row_id="1", digest=b"", reason="x",
                                   revised_at=timezone.now())  # fmt: skip
    set_role(None)
