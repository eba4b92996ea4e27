"""The role of the worker does every job, and cannot falsify the books."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from io import StringIO

import psycopg
import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import Group
from django.core import mail
from django.db import IntegrityError, connection
from django.db import transaction as db_transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from accounts import services as account_services
from accounts.erased import ACCOUNT_NAME, NAME
from accounts.models import ApprovalRequest, AttemptCount, User
from accounts.services import close_account
from accounts.sign_in import tokens
from banking.alerts.models import AlertKind
from banking.alerts.services import choose
from banking.reconciliation.models import Reconciliation
from banking.standing_orders.paying import pay_due
from banking.statement_files.models import MonthlyStatement
from ledger.db.history.register import ERASES
from ledger.db.ids import uuid7
from ledger.jobs import records
from ledger.jobs.worker import Worker
from tests.accounts.tokens import issue
from tests.banking.events.shared import listening_account
from tests.banking.reconciliation.files import sign, stored
from tests.banking.standing_orders.orders import at, order_of
from tests.console import read
from tests.factories import AccountFactory, UserFactory, balances
from tests.pooler import beside
from tests.transactions.audit.sealed_books import march
from tests.worker_role import as_worker
from transactions import services
from transactions.annotations.models import OwnCategory
from transactions.audit.audit import audit
from transactions.categories.models import CategoryRule
from transactions.models import AuditRun, Seal, Transaction
from transactions.privacy.erasure import erase
from transactions.privacy.lifting import erase_person, forget_attempts, install_functions, lifted

pytestmark = pytest.mark.django_db(transaction=True)
FORBIDDEN = [
    "UPDATE accounts SET balance = 1000000",
    "UPDATE accounts SET overdraft_limit = 1000000",
    "UPDATE accounts SET status = 'active'",
    "DELETE FROM accounts",
    "UPDATE transactions SET amount = 1",
    "DELETE FROM transactions",
    "TRUNCATE transactions",
    "UPDATE seals SET digest = ''",
    "DELETE FROM sealed_days",
    "UPDATE row_register SET digest = ''",
    "DELETE FROM row_revisions",
    "DELETE FROM changes",
    "UPDATE changes SET role = ''",
    "DELETE FROM account_status_changes",
    "UPDATE users SET is_superuser = true",
    "UPDATE users SET password = ''",
    "UPDATE users SET email = ''",
    "UPDATE users SET is_staff = true",
    "UPDATE sessions SET session_data = ''",
    "UPDATE sessions SET last_seen_at = now()",
    "INSERT INTO sessions SELECT",
    "INSERT INTO mfa_authenticator SELECT",
    "DELETE FROM mfa_authenticator",
    "DELETE FROM account_emailaddress",
    "DELETE FROM users_groups",
    "INSERT INTO api_tokens SELECT",
    "UPDATE api_tokens SET user_id = gen_random_uuid()",
    "INSERT INTO approval_requests SELECT",
    "UPDATE approval_requests SET status = 'approved'",
    "DELETE FROM approval_requests",
    "DELETE FROM transaction_notes",
    "DELETE FROM django_admin_log",
    "DELETE FROM reconciliations",
    "INSERT INTO standing_orders SELECT",
    "UPDATE standing_orders SET to_account_id = from_account_id",
    "UPDATE payees SET account_id = gen_random_uuid()",
    "INSERT INTO webhooks SELECT",
    "UPDATE webhooks SET url = 'https://elsewhere.example'",
    "SELECT password FROM users",
    "SELECT data FROM mfa_authenticator",
    "SELECT session_data FROM sessions",
    "SELECT content FROM attachments",
    "INSERT INTO account_emailaddress SELECT",
    "INSERT INTO cache SELECT",
    "INSERT INTO attempt_counts SELECT",
    "SELECT key FROM attempt_counts",
    "UPDATE attempt_counts SET count = 0",
    "DELETE FROM attempt_counts",
    "DELETE FROM monthly_statements",
    "INSERT INTO users_groups SELECT",
    "INSERT INTO auth_group_permissions SELECT",
    "SELECT FROM fact_keys",
    "ALTER TABLE transactions DISABLE TRIGGER ALL",
    "ALTER TABLE reads DISABLE TRIGGER ALL",
    "SELECT lift_triggers('transactions')",
    "SELECT lift_triggers('accounts')",
    "SELECT lift_triggers('seals')",
    "SELECT lift_triggers('row_register')",
    "DROP TABLE reads",
    "CREATE TABLE mine (id int)",
    "CREATE TEMPORARY TABLE accounts (balance numeric)",
    "SET ROLE ledger",
    "SET ROLE ledger_web",
    "GRANT ledger TO ledger_web",
]


@pytest.mark.parametrize("sql", FORBIDDEN)
def test_the_worker_may_not(sql: str, worker: psycopg.Connection[tuple[object, ...]]) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        worker.execute(sql)


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("DELETE FROM alerts", "delete alerts and events of any age"),
        ("DELETE FROM events", "delete alerts and events of any age"),
        ("DELETE FROM cache", "rows of the cache"),
        ("UPDATE job_records SET began_at = now(), done_at = now()", "`job_records`"),
    ],
)
def test_what_the_worker_may_do_to_all_rows_of_a_table_is_in_the_docs(
    sql: str, told: str, worker: psycopg.Connection[tuple[object, ...]]
) -> None:
    mine = listening_account(balance="100")
    choose(owner=mine.user, kind=AlertKind.MONEY_OUT, account=mine, amount=Decimal(0))
    services.transfer(from_account=mine, to_account=AccountFactory(), amount=Decimal(5))
    records.note_done(name="expire_holds", began_at=records.clock())
    with connection.cursor() as owner:
        owner.execute("INSERT INTO cache (cache_key, value, expires) VALUES ('a', '', now())")

    changed = worker.execute(sql)

    assert changed.rowcount > 0
    paragraph = read("docs/rights.md").partition("**A worker that is taken over")[2]
    assert told in " ".join(paragraph.partition("\n\nIt has")[0].split())


@pytest.mark.parametrize(
    ("is_open", "name", "password"),
    [(True, None, None), (True, NAME, "!"), (False, "Ana", "!"), (False, NAME, "pbkdf2_sha256$")],
)
def test_the_worker_lets_nobody_in_by_an_erasure(
    worker: psycopg.Connection[tuple[object, ...]],
    is_open: bool,
    name: str | None,
    password: str | None,
) -> None:
    person = UserFactory(deleted_at=None if is_open else timezone.now())
    answer = worker.execute("SELECT erase_person(%s, %s, %s)", [person.pk, name, password])
    assert answer.fetchone() == (False,)


def test_the_worker_reads_people_with_a_hash_that_no_password_has() -> None:
    person = UserFactory()
    hashed = person.password
    with as_worker():
        assert not User.objects.get(pk=person.pk).has_usable_password()
    assert User.objects.get(pk=person.pk).password == hashed


def test_the_worker_erases_nobody_who_has_an_open_account() -> None:
    holder = AccountFactory().user
    User.objects.filter(pk=holder.pk).update(deleted_at=timezone.now())
    with as_worker():
        assert not erase_person(holder.pk)
    assert erase_person(holder.pk)  # by the owner


def test_the_worker_takes_ways_to_sign_in_only_from_people_who_left() -> None:
    left = UserFactory(deleted_at=timezone.now())
    stays = UserFactory()
    for person in (left, stays):
        EmailAddress.objects.get_or_create(user=person, email=person.email)
        Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data={})
        person.groups.add(Group.objects.get(name="support"))
    with as_worker():
        assert erase_person(left.pk, name=NAME, password="!")
        assert not erase_person(stays.pk, name=NAME, password="!")
    for kept in (EmailAddress, Authenticator, User.groups.through):
        assert {row.user_id for row in kept._default_manager.all()} == {stays.pk}


def test_the_worker_erases_a_superuser_who_left() -> None:
    person = UserFactory(is_staff=True, is_superuser=True, deleted_at=timezone.now())
    with as_worker():
        assert erase(person)
    person.refresh_from_db()
    assert (person.name, person.is_staff, person.is_superuser) == (NAME, False, False)
    assert not person.has_usable_password()


def test_the_worker_erases_who_had_an_account() -> None:
    """Its name is all that changes of a closed account, and the worker may not change it itself."""
    account = AccountFactory(name="Zo\u00eb's")
    close_account(account=account)
    User.objects.filter(pk=account.user_id).update(deleted_at=timezone.now())
    with as_worker():
        assert erase(User.objects.get(pk=account.user_id))
    account.refresh_from_db()
    assert account.name == ACCOUNT_NAME


# A deposit above every threshold, in the name of a clerk.
DEPOSIT = """
    INSERT INTO transactions (id, created_at, value_date, type, status, amount, currency,
        to_account_id, to_balance, created_by_id, description, reference, metadata)
    SELECT gen_random_uuid(), now(), now(), 'deposit', 'completed', 1e9, currency, id, 1e9,
        (SELECT id FROM users WHERE is_staff), '', '', '{}'
    FROM accounts WHERE status = 'active'
"""


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (f"UPDATE accounts SET name = '{ACCOUNT_NAME}'", "closed_account_stays_closed"),
        (DEPOSIT, "needs_approval"),
    ],
)
def test_triggers_trust_the_worker_no_more_than_a_web_process(
    worker: psycopg.Connection[tuple[object, ...]], statement: str, rule: str
) -> None:
    AccountFactory()
    close_account(account=AccountFactory(name="Savings"))
    UserFactory(is_staff=True)
    with worker.transaction(force_rollback=True):
        worker.execute(f"SELECT set_config('{ERASES}', 'A person was erased', true)".encode())
        worker.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(psycopg.errors.CheckViolation) as refused:
            worker.execute(statement.encode())
    assert refused.value.diag.constraint_name == rule


def test_triggers_that_are_left_lifted_let_nothing_in_and_are_set_again(
    worker: psycopg.Connection[tuple[object, ...]],
) -> None:
    account = AccountFactory()
    for table in lifted():
        worker.execute("SELECT lift_triggers(%s)", [table])
    off = "SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D'"
    try:
        assert worker.execute(f"{off} AND tgtype & 4 <> 0").fetchone() == (0,)  # of INSERT
        account_services.freeze_account(account=account, reason="Lost card")
        account.refresh_from_db()
        assert account.status == "frozen"
    finally:
        install_functions(using="default")
    assert worker.execute(off).fetchone() == (0,)


def test_the_worker_lets_no_revoked_token_work_again(
    worker: psycopg.Connection[tuple[object, ...]],
) -> None:
    token = issue(UserFactory(), "read").row
    tokens.revoke(token=token, by=None)
    with worker.transaction(force_rollback=True):
        worker.execute("SELECT lift_triggers('api_tokens')")
        with pytest.raises(psycopg.errors.CheckViolation):
            worker.execute("UPDATE api_tokens SET revoked_at = NULL, reason = ''")


@pytest.mark.parametrize(
    ("kind", "approved", "other"),
    [("group", {"group": "support"}, {"group": "manager"}),
     ("limits", {"overdraft_limit": "100"}, {"overdraft_limit": "1000000"})],
)  # fmt: skip
def test_the_worker_gives_an_approval_nothing_else_but_takes_texts_out(
    worker: psycopg.Connection[tuple[object, ...]],
    kind: str,
    approved: dict[str, str],
    other: dict[str, str],
) -> None:
    now = timezone.now()
    request = ApprovalRequest.objects.create(
        kind=kind, transaction_id=uuid7(), amount=0, currency="USD", reason="New here",
        person=UserFactory() if kind == "group" else None, from_account=AccountFactory(),
        requested_by=UserFactory(is_staff=True, is_superuser=True),
        expires_at=now + timedelta(days=1), requested_at=now,
        parameters={**approved, "message": "Hello Ana"},
    )  # fmt: skip
    change = "UPDATE approval_requests SET parameters = parameters || %s"
    worker.execute("SELECT lift_triggers('approval_requests')")
    with pytest.raises(psycopg.errors.CheckViolation):
        worker.execute(change, [Jsonb(other)])
    worker.execute(change, [Jsonb({"message": ""})])
    worker.execute("SELECT restore_triggers('approval_requests')")
    request.refresh_from_db()
    assert request.parameters == {**approved, "message": ""}


def test_triggers_that_the_worker_lifts_let_no_web_process_approve(
    worker: psycopg.Connection[tuple[object, ...]],
) -> None:
    request = ApprovalRequest.objects.create(
        kind="deposit", transaction_id=uuid7(), amount=50_000, currency="USD", reason="Cash",
        to_account=AccountFactory(), requested_by=UserFactory(is_staff=True, is_superuser=True),
        expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    decides = "UPDATE approval_requests SET status = 'approved', decided_by_id = %s"
    manager = UserFactory(is_staff=True, is_superuser=True)
    worker.execute("SELECT lift_triggers('approval_requests')")
    try:
        with beside(user=settings.LEDGER_WEB_ROLE) as web, suppress(psycopg.errors.CheckViolation):
            web.execute(decides, [manager.pk])
    finally:
        worker.execute("SELECT restore_triggers('approval_requests')")
    request.refresh_from_db()
    assert request.status == "pending"


@pytest.mark.parametrize(
    "change",
    [
        "signed_by_id = %(first)s, countersigned_by_id = %(second)s",
        "signed_by_id = %(second)s",
        "countersigned_by_id = %(second)s",
    ],
)
def test_triggers_that_the_worker_lifts_let_no_web_process_sign(
    change: str, worker: psycopg.Connection[tuple[object, ...]]
) -> None:
    whose = stored((0, ""))
    first, second = (UserFactory(is_staff=True, is_superuser=True) for _ in range(2))
    if change.startswith("countersigned"):
        sign(whose, first)
    worker.execute("SELECT lift_triggers('reconciliations')")
    try:
        with beside(user=settings.LEDGER_WEB_ROLE) as web, suppress(psycopg.errors.CheckViolation):
            sql = f"UPDATE reconciliations SET {change}"
            web.execute(sql, {"first": first.pk, "second": second.pk})
    finally:
        worker.execute("SELECT restore_triggers('reconciliations')")
    whose.refresh_from_db()
    assert second not in (whose.signed_by, whose.countersigned_by)


@pytest.mark.parametrize("leftover", ["", "Agreed"])
def test_a_line_that_was_signed_keeps_its_reason_where_triggers_are_lifted(
    leftover: str, worker: psycopg.Connection[tuple[object, ...]]
) -> None:
    whose = stored((50_000, "Not ours"))
    sign(whose, UserFactory())
    worker.execute("SELECT lift_triggers('reconciliation_lines')")
    try:
        with pytest.raises(psycopg.errors.CheckViolation):
            worker.execute("UPDATE reconciliation_lines SET leftover = %s", [leftover])
    finally:
        worker.execute("SELECT restore_triggers('reconciliation_lines')")


def test_what_is_signed_is_registered_and_stays_where_triggers_are_lifted(
    worker: psycopg.Connection[tuple[object, ...]],
) -> None:
    whose, first, second = stored(), UserFactory(), UserFactory()
    worker.execute("SELECT lift_triggers('reconciliations')")
    try:
        sign(sign(whose, first), second)
        with pytest.raises(IntegrityError), db_transaction.atomic():
            Reconciliation.objects.all().delete()
    finally:
        worker.execute("SELECT restore_triggers('reconciliations')")
    register = "SELECT count(*) FROM row_register WHERE table_name = 'reconciliations'"
    assert worker.execute(register).fetchone() == (1,)


def test_the_worker_forgets_no_attempt_whose_window_runs() -> None:
    AttemptCount.objects.count_up([("over", 1), ("living", 3600)])
    AttemptCount.objects.filter(pk="over").update(window_ends=timezone.now() - timedelta(hours=1))
    with as_worker():
        assert forget_attempts(timezone.now() + timedelta(days=1)) == 1
    assert AttemptCount.objects.get().pk == "living"


@pytest.fixture
def worker() -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with beside(user=settings.LEDGER_WORKER_ROLE) as found:
        yield found


def test_the_worker_does_every_job() -> None:
    old, _rows = march()
    mine, shop = AccountFactory(balance="100"), AccountFactory(user=UserFactory(name="Shop"))
    then = timezone.now() - timedelta(days=2)
    hold = services.Draft(
        from_account=old, amount=Decimal(5), pending=True, created_at=then,
        expires_at=then + timedelta(days=1),
    )  # fmt: skip
    services.post_batch([hold])
    order = order_of(mine, shop, description="Rent")
    choose(owner=mine.user, kind=AlertKind.MONEY_OUT, account=mine, amount=Decimal(0), mail="now")
    CategoryRule.objects.create(
        owner=mine.user, position=1, name="Rent", query="rent", category="home"
    )
    with as_worker():
        assert pay_due(now=at(order.first_on)).paid == 1
        lines: list[str] = []
        assert Worker(report=lines.append, out=StringIO(), err=StringIO()).run_once(), lines
        assert audit().clean
    assert Transaction.objects.get(expires_at__isnull=False).status == "voided"
    assert balances(mine, shop) == [90, 10]
    assert {message.to[0] for message in mail.outbox} == {mine.user.email}
    assert OwnCategory.objects.get(owner=mine.user).category == "home"
    assert AuditRun.objects.get().is_clean
    assert Seal.objects.exists()
    assert MonthlyStatement.objects.filter(account=old).exists()
