"""A statement is what the books say: the database refuses another, page and audit find one."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import IntegrityError
from django.db import transaction as db_transaction
from django.test import Client

from accounts.models import Account
from banking.statement_files import issuing
from banking.statement_files.digest import StatementFigures, digest_of, totals_of_period
from banking.statement_files.issuing import issue_due
from banking.statement_files.models import MonthlyStatement, id_of_statement
from ledger.text.money import NO_BREAK, account_number
from tests.factories import AccountFactory, walls_down
from tests.pages import text_of
from transactions import services
from transactions.audit import sealing
from transactions.audit.audit import audit
from transactions.models import Seal
from transactions.services import Draft

pytestmark = pytest.mark.django_db
JANUARY = {
    "month": date(2026, 1, 1), "starts_at": datetime(2026, 1, 1, tzinfo=UTC),
    "ends_at": datetime(2026, 2, 1, tzinfo=UTC),
}  # fmt: skip
INVENTED = {**JANUARY, "money_in": Decimal(9999), "closing": Decimal(9999), "entry_count": 1}


def first_statement(account: Account, **facts: Any) -> MonthlyStatement:
    """A first statement, inserted as a job could."""
    nothing = dict.fromkeys(("opening", "money_in", "money_out", "closing"), Decimal(0))
    statement = MonthlyStatement(
        id=id_of_statement(account.pk, 1), account=account, number=1, holder="Ana",
        account_name="Everyday", seal=Seal.objects.get(), digest=b"x" * 32,
        **{"entry_count": 0, **nothing, **facts},
    )  # fmt: skip
    statement.save(force_insert=True)
    return statement


def refused_by(account: Account, **facts: Any) -> str | None:
    """The constraint that refuses a first statement."""
    if not Seal.objects.exists():
        sealing.seal(until=date(2026, 6, 1))
    with pytest.raises(IntegrityError) as refused, db_transaction.atomic():
        first_statement(account, **facts)
    cause = refused.value.__cause__
    assert isinstance(cause, psycopg.Error)
    return cause.diag.constraint_name


def test_nobody_can_invent_money_on_a_first_statement(account: Account) -> None:
    assert refused_by(account, **INVENTED) == "statement_of_the_books"


@pytest.mark.parametrize(
    ("facts", "constraint"),
    [
        ({"ends_at": datetime(2026, 1, 2, tzinfo=UTC)}, "statement_is_of_its_month"),
        ({"starts_at": datetime(2026, 1, 2, tzinfo=UTC)}, "statement_is_of_its_month"),
        ({"starts_at": datetime(2025, 12, 31, 9, tzinfo=UTC)}, "statement_is_of_its_month"),
        ({"month": date(2026, 2, 1)}, "statement_is_of_its_month"),
    ],
)
def test_a_first_statement_is_of_a_whole_month(
    account: Account, facts: dict[str, Any], constraint: str
) -> None:
    assert refused_by(account, **{**JANUARY, **facts}) == constraint


def test_a_first_statement_begins_before_the_first_entry() -> None:
    """Even if the balance was zero again."""
    account = AccountFactory()
    moment = datetime(2026, 1, 5, 12, tzinfo=UTC)
    services.post_batch(
        [
            Draft(to_account=account, amount=Decimal(5), created_at=moment),
            Draft(from_account=account, amount=Decimal(5), created_at=moment + timedelta(hours=1)),
        ]
    )
    march = {
        "month": date(2026, 3, 1), "starts_at": datetime(2026, 3, 1, tzinfo=UTC),
        "ends_at": datetime(2026, 4, 1, tzinfo=UTC),
    }  # fmt: skip
    assert refused_by(account, **march) == "statement_is_the_first"


@pytest.mark.parametrize("hours", [-14, -5, 12])
def test_an_edge_may_be_that_of_another_time_zone(hours: int) -> None:
    AccountFactory(balance=1)  # a bank without transactions is not sealed
    sealing.seal(until=date(2026, 6, 1))
    off = timedelta(hours=hours)
    edges = {"starts_at": JANUARY["starts_at"] + off, "ends_at": JANUARY["ends_at"] + off}
    first_statement(AccountFactory(), **{**JANUARY, **edges})


def test_a_statement_adds_up_even_without_the_trigger(account: Account) -> None:
    sealing.seal(until=date(2026, 6, 1))
    with walls_down("monthly_statements"):
        assert refused_by(account, **JANUARY, closing=Decimal(1)) == "statement_sums_up"


def test_no_statement_follows_one_that_was_invented(account: Account) -> None:
    """As an owner of the tables could insert it, with triggers disabled."""
    sealing.seal(until=date(2026, 6, 1))
    with walls_down("monthly_statements"):
        forged = first_statement(account, **INVENTED)
    with pytest.raises(IntegrityError, match="figures of the books"):
        issue_due()
    assert list(MonthlyStatement.objects.of(account)) == [forged]
    page = Client().get("/statements/check/", {"digest": forged.hex_digest})
    assert not page.context["checked"].is_true


def test_a_balance_that_the_account_never_had_is_not_what_the_books_say(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if its digest fits."""
    real = issuing._statement

    def statement(*arguments: Any) -> MonthlyStatement:
        made = real(*arguments)
        if made.account == account and made.number == 1:
            figures = StatementFigures(
                account.number, account.currency, 1, made.starts_at, made.ends_at, Decimal(70),
                made.closing + 70, (made.seal.number, bytes(made.seal.digest)),
            )  # fmt: skip
            made.digest = digest_of(figures, arguments[4])
            made.opening, made.closing = made.opening + 70, made.closing + 70
        return made

    monkeypatch.setattr(issuing, "_statement", statement)
    sealing.seal(until=date(2026, 2, 1))
    with walls_down("monthly_statements"):
        issue_due()
    forged = MonthlyStatement.objects.of(account).get()
    assert forged.opening == 70
    page = Client().get("/statements/check/", {"digest": forged.hex_digest})
    assert "This does not match the bank" in text_of(page)


def test_the_audit_is_content_with_what_is_issued(issued: list[MonthlyStatement]) -> None:
    sealing.seal(until=date(2026, 6, 1))
    assert issue_due() > 0  # of months without entries
    assert audit().findings == []
    assert audit(since=datetime(2026, 2, 10, tzinfo=UTC)).findings == []


UNLINKED = "does not continue the one before it"
OTHER_FIGURES = "but the books have"
CHANGED = "or an entry of its period was changed"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("number = 7", CHANGED),
        ("opening = opening + 1, closing = closing + 1", CHANGED),
        ("starts_at = starts_at + interval '1 second'", CHANGED),
        ("ends_at = ends_at + interval '1 second'", CHANGED),
        ("money_in = money_in + 1, closing = closing + 1", OTHER_FIGURES),
        ("money_in = money_in + 1, money_out = money_out + 1", OTHER_FIGURES),
        ("entry_count = entry_count + 1", OTHER_FIGURES),
        ("digest = sha256('another')", CHANGED),
    ],
)
def test_the_audit_finds_a_statement_that_was_changed(
    account: Account, issued: list[MonthlyStatement], change: str, sentence: str
) -> None:
    last = issued[-1]
    with walls_down("monthly_statements") as cursor:
        cursor.execute(f"UPDATE monthly_statements SET {change} WHERE id = %s", [last.pk])
    (finding,) = [each for each in audit().findings if each.check == "statement"]
    assert finding.account == str(account.pk)
    assert sentence in finding.sentence
    assert account_number(account.number).replace(" ", NO_BREAK) in finding.sentence
    with pytest.raises(SystemExit) as ended:
        call_command("audit_ledger", stdout=StringIO())
    assert ended.value.code == 1


@pytest.mark.parametrize("column", ["digest", "starts_at", "month", "entry_count", "money_in"])
def test_the_audit_finds_a_statement_without_a_value(
    issued: list[MonthlyStatement], column: str
) -> None:
    """The owner of the tables may drop a NOT NULL. NULL is neither equal nor unequal."""
    with walls_down("monthly_statements") as cursor:
        cursor.execute(f"ALTER TABLE monthly_statements ALTER {column} DROP NOT NULL")
        cursor.execute(
            f"UPDATE monthly_statements SET {column} = NULL WHERE id = %s", [issued[-1].pk]
        )
    findings = {each.check: each for each in audit().findings}
    assert findings["missing value"].account == str(issued[-1].account_id)
    assert f"monthly_statements.{column} in row {issued[-1].pk}" in findings["missing value"].found
    assert "unreadable" not in findings


@pytest.mark.parametrize(
    "change",
    [
        "month = month - interval '1 year'",
        "starts_at = '-infinity', money_in = money_in + 1, money_out = money_out + 1",
        "starts_at = '1899-01-01', money_in = money_in + 1, money_out = money_out + 1",
    ],
)
def test_the_audit_finds_a_first_statement_of_another_month(
    issued: list[MonthlyStatement], change: str
) -> None:
    """An audit since a later time, too: it compares no figures of statements before."""
    with walls_down("monthly_statements") as cursor:
        cursor.execute(f"UPDATE monthly_statements SET {change} WHERE id = %s", [issued[0].pk])
    for since in (None, issued[-1].starts_at):
        (finding,) = [each for each in audit(since=since).findings if each.check == "statement"]
        assert "statement 1 " in finding.sentence


def test_the_audit_compares_the_figures_of_a_statement_before_all_times_of_the_books(
    account: Account, issued: list[MonthlyStatement]
) -> None:
    with walls_down("monthly_statements") as cursor:
        cursor.execute("DELETE FROM monthly_statements WHERE number > 1")
        cursor.execute(
            """UPDATE monthly_statements SET month = '1899-01-01', starts_at = '1899-01-01 UTC',
            ends_at = '1899-02-01 UTC', money_in = 9999, closing = 9999 - money_out
            WHERE id = %s""", [issued[0].pk],
        )  # fmt: skip
    (finding,) = [each for each in audit().findings if each.check == "statement"]
    assert (finding.account, OTHER_FIGURES in finding.sentence) == (str(account.pk), True)


def test_the_audit_says_what_the_books_have(
    account: Account, issued: list[MonthlyStatement]
) -> None:
    with walls_down("monthly_statements") as cursor:
        cursor.execute(
            """UPDATE monthly_statements SET money_in = 9999, closing = 9999 - money_out
            WHERE id = %s""", [issued[0].pk],
        )  # fmt: skip
    (finding, *_) = [each for each in audit().findings if each.check == "statement"]
    assert f"{finding}".replace(NO_BREAK, " ") == (
        f"Account {account_number(account.number)}: statement 1 has 8 entries, 9,999.00 USD in, "
        "50.00 USD out, but the books have 8 entries, 160.00 USD in, 50.00 USD out in its period."
    )


@pytest.mark.parametrize("number", [1, 2])
def test_the_audit_finds_a_statement_that_is_gone(
    account: Account, issued: list[MonthlyStatement], number: int
) -> None:
    with walls_down("monthly_statements") as cursor:
        cursor.execute(
            "DELETE FROM monthly_statements WHERE account_id = %s AND number = %s",
            [account.pk, number],
        )
    (finding,) = audit().findings
    assert UNLINKED in finding.sentence
    assert f"statement {number + 1} " in finding.sentence


def test_the_audit_finds_that_the_first_statement_is_gone_also_if_it_was_of_nothing(
    account: Account,
) -> None:
    with walls_down("accounts"):
        opened = datetime(2025, 11, 5, tzinfo=UTC)
        Account.objects.filter(pk=account.pk).update(created_at=opened)
    sealing.seal(until=date(2026, 4, 1))
    issue_due()
    with walls_down("monthly_statements") as cursor:
        cursor.execute(
            "DELETE FROM monthly_statements WHERE account_id = %s AND number = 1", [account.pk]
        )
    (finding,) = [each for each in audit().findings if each.check == "statement"]
    assert (UNLINKED in finding.sentence, finding.expected[:11]) == (True, "statement 2")


def test_the_audit_finds_entries_before_the_first_statement(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "_first_month", lambda _account: date(2026, 3, 1))
    sealing.seal(until=date(2026, 4, 1))
    with walls_down("monthly_statements"):
        issue_due()
    (finding,) = audit().findings
    assert (UNLINKED in finding.sentence, finding.broken) == (True, 2)  # Mara's too


def test_an_audit_of_the_last_days_reads_the_statements_that_begin_in_them(
    issued: list[MonthlyStatement],
) -> None:
    with walls_down("monthly_statements") as cursor:
        cursor.execute(
            "UPDATE monthly_statements SET digest = sha256('x') WHERE id = %s", [issued[1].pk]
        )
    assert audit(since=issued[1].starts_at).findings != []
    assert audit(since=issued[1].starts_at + timedelta(seconds=1)).findings == []


@pytest.mark.parametrize(
    "change", [{"rows": 9}, {"money_in": Decimal(161)}, {"money_out": Decimal(49)}]
)
def test_the_audit_finds_invented_figures_also_if_their_digest_fits(
    account: Account, issued: list[MonthlyStatement], change: dict[str, Any]
) -> None:
    first, seal = issued[0], issued[0].seal
    totals = totals_of_period(account.pk, first.starts_at, first.ends_at)._replace(**change)
    closing = totals.money_in - totals.money_out
    figures = StatementFigures(
        account.number, account.currency, 1, first.starts_at, first.ends_at, first.opening, closing,
        (seal.number, bytes(seal.digest)),
    )  # fmt: skip
    with walls_down("monthly_statements") as cursor:
        cursor.execute(
            """UPDATE monthly_statements SET entry_count = %s, money_in = %s, money_out = %s,
            closing = %s, digest = %s WHERE id = %s""",
            [*totals[:3], closing, digest_of(figures, totals), first.pk],
        )
    (finding,) = [each for each in audit().findings if each.check == "statement"]
    assert OTHER_FIGURES in finding.sentence
    assert "statement 1 " in finding.sentence
