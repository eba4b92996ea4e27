"""SQL of the web role in a transaction that began before another transaction committed.

At REPEATABLE READ, a query in a trigger sees the old rows, so a rule that only looks for a row
would accept the change.
"""

from datetime import timedelta

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, connection
from django.utils import timezone

from accounts.models import Account, ApprovalRequest, User
from banking.payment_files.models import PaymentFile, PaymentLine
from tests.attacks.approvals import ANOTHER_LINE, approved, as_web, asked_for_file, begun_before
from tests.attacks.waiting import after_waiting_for
from tests.banking.payment_files.files import checked, pay
from tests.factories import AccountFactory

REQUEST = """
    INSERT INTO approval_requests
        (id, kind, transaction_id, from_account_id, amount, currency, parameters, reason,
         requested_by_id, requested_at, expires_at, status, note, used_amount)
    VALUES (gen_random_uuid(), 'payment_file', %s, %s, 40000, 'USD', '{"lines": 2}', 'Wages',
            %s, now(), now() + interval '1 day', 'pending', '', 0)"""

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def file(clerk: User) -> PaymentFile:
    """A payment file of 40,000 in two lines."""
    firm: Account = AccountFactory(balance="90000")
    return checked(firm, *(pay(AccountFactory(), 20_000) for _ in range(2)), created_by=clerk)


def insert_request(file: PaymentFile, clerk: User) -> None:
    """Inserts a request that the service has not committed yet."""
    ApprovalRequest.objects.create(
        kind=ApprovalRequest.Kind.PAYMENT_FILE, transaction_id=file.pk,
        from_account=file.from_account, amount=40_000, currency="USD", parameters={"lines": 2},
        reason="Wages", requested_by=clerk, expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip


def test_no_line_joins_an_approved_file_for_who_began_before(
    file: PaymentFile, clerk: User, boss: User
) -> None:
    before = list(PaymentLine.objects.of(file).in_order().values())
    with begun_before() as outside:
        approved(asked_for_file(file, clerk), boss)
        with pytest.raises(psycopg.errors.CheckViolation):
            outside.execute(ANOTHER_LINE)
    assert list(PaymentLine.objects.of(file).in_order().values()) == before


def test_nobody_who_began_before_asks_for_lines_that_are_gone(
    file: PaymentFile, clerk: User
) -> None:
    with begun_before() as outside:
        PaymentLine.objects.of(file).filter(number=2).delete()
        with pytest.raises(psycopg.errors.CheckViolation):
            outside.execute(REQUEST, [file.pk, file.from_account_id, clerk.pk])


def test_a_line_at_the_same_moment_waits_for_the_request_and_is_refused(
    file: PaymentFile, clerk: User
) -> None:
    def second() -> None:
        with as_web(), connection.cursor() as cursor:
            cursor.execute(ANOTHER_LINE)

    with pytest.raises(DatabaseError):
        after_waiting_for(lambda: insert_request(file, clerk), second)
    assert PaymentLine.objects.of(file).count() == 2


def test_a_request_at_the_same_moment_waits_for_a_line_and_is_refused(
    file: PaymentFile, clerk: User
) -> None:
    def second() -> None:
        with as_web(clerk):
            insert_request(file, clerk)

    with pytest.raises(IntegrityError):
        after_waiting_for(lambda: connection.cursor().execute(ANOTHER_LINE), second)
    assert not ApprovalRequest.objects.exists()
