"""The role of the worker does every job, and cannot falsify the books."""

from collections.abc import Iterator
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
from django.utils import timezone

from accounts import services as account_services
from accounts.erased import NAME
from accounts.models import User
from accounts.sign_in import tokens
from ledger.db.server_versions import MEMBERSHIPS_KNOW_INHERIT
from ledger.jobs.worker import Worker
from tests.accounts.tokens import issue
from tests.factories import AccountFactory, UserFactory, balances
from tests.pooler import beside
from tests.transactions.audit.sealed_books import march
from tests.transactions.standing_orders.orders import at, order_of
from tests.worker_role import as_worker
from transactions import services
from transactions.alerts.services import choose
from transactions.audit.audit import audit
from transactions.models import (
    AlertKind,
    AuditRun,
    CategoryRule,
    MonthlyStatement,
    OwnCategory,
    Seal,
    Transaction,
)
from transactions.privacy.erasure import erase
from transactions.privacy.lifting import erase_person, install_functions, lifted
from transactions.standing_orders.paying import pay_due

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
    if "SET ROLE ledger" in sql and worker.info.server_version < MEMBERSHIPS_KNOW_INHERIT:
        pytest.skip("Postgres 15 lets every member become the role (docs/rights.md).")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        worker.execute(sql)


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
        assert Worker(tell=lines.append, out=StringIO(), err=StringIO()).run_once(), lines
        assert audit().clean
    assert Transaction.objects.get(expires_at__isnull=False).status == "voided"
    assert balances(mine, shop) == [90, 10]
    assert {message.to[0] for message in mail.outbox} == {mine.user.email}
    assert OwnCategory.objects.get(owner=mine.user).category == "home"
    assert AuditRun.objects.get().is_clean
    assert Seal.objects.exists()
    assert MonthlyStatement.objects.filter(account=old).exists()
