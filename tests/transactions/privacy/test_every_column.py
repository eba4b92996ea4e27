"""An address of an erased person stays in no column of text, whoever the row is about."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import Model
from django.db.transaction import atomic
from django.utils import timezone

from accounts.models import Account, Change, User
from accounts.models.revisions import noting_rows
from tests.factories import AccountFactory, UserFactory
from tests.transactions.privacy.texts import texts_of, trail_of_staff
from tests.worker_role import as_worker
from transactions.audit.audit import audit
from transactions.privacy import erasure
from transactions.privacy.erasure import erase
from transactions.privacy.leaving import leave
from transactions.privacy.retention import apply_retention
from transactions.privacy.traces import Traces

pytestmark = pytest.mark.django_db
ADDRESS = "zq@mail.example"
CODE = 30  # characters of the longest column that has only a code

# Why the address may stay in these columns, or cannot be in them; "table.*" is each of a table.
KEPT = {
    "the books": "transactions.* seals.*",
    "settings that their owner chose": "budgets.* category_rules.* own_categories.* saved_reports.*"
    " accounts.name api_tokens.name payees.name webhooks.url webhooks.secrets",
    "names, addresses and ways to sign in that somebody else has": "users.* households.*"
    " account_emailaddress.* mfa_authenticator.* socialaccount_socialaccount.*"
    " monthly_statements.* changes.before changes.after",
    "settings of the bank": "auth_group.* auth_permission.* currencies.* provider_groups.*"
    " socialaccount_socialapp.* synonyms.* django_content_type.* django_migrations.*",
    "deleted soon": "account_emailconfirmation.* attempt_counts.* cache.* django_session.*"
    " sessions.* socialaccount_socialtoken.*",
    "words of Ledger": "sign_ins.* row_removals.* row_revisions.* job_records.*"
    " webhook_deliveries.error webhooks.reason api_tokens.last_used_from",
    "digests, keys and columns of a file": "row_register.* staff_sums.* api_tokens.hash"
    " webhooks.claimed_by outside_imports.digest outside_imports.heading outside_imports.mapping"
    " payment_files.digest payment_files.run reconciliations.digest django_admin_log.object_id",
    "facts of a request": "changes.table_name changes.about changes.address changes.path"
    " changes.request changes.role changes.session reads.page reads.path reads.address"
    " reads.request reads.role reads.session",
}
RULES = """
    SELECT quote_ident(tgname) FROM pg_trigger
    WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgname !~ 'row_is_(registered|revised)'
"""
COLUMNS = """
    SELECT table_name, column_name, data_type FROM information_schema.columns
    JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
      AND (data_type IN ('text', 'json', 'jsonb')
           OR data_type = 'character varying' AND character_maximum_length > %s)
    ORDER BY table_name, ordinal_position
"""


def columns() -> dict[str, dict[str, str]]:
    """The type of each column of text that is not KEPT, by table."""
    kept = {*" ".join(KEPT.values()).split()}
    found: dict[str, dict[str, str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS, [CODE])
        rows = cursor.fetchall()
    for table, column, kind in rows:
        if not kept & {f"{table}.*", f"{table}.{column}"}:
            found.setdefault(table, {})[column] = kind
    there = {f"{table}.{name}" for table, column, _ in rows for name in ("*", column)}
    assert kept <= there, "KEPT names columns that are not there"
    return found


def with_text(value: Any, text: str) -> Any:
    """A JSON value with this text in place of each one."""
    if isinstance(value, dict):
        return {key: with_text(each, text) for key, each in value.items()}
    if isinstance(value, list):
        return [with_text(each, text) for each in value]
    return f"By {text}." if isinstance(value, str) else value


@contextmanager
def rules_down(table: str) -> Iterator[None]:
    """Within the block the table has no trigger but those of the register."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(RULES, [table])
        for (trigger,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        yield
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def first_row(model: type[Model]) -> Model:
    """A row that stays the first. Ids of the history are random, so an id tells no order there."""
    order = ["changed_at", "pk"] if model is Change else ["pk"]
    row = model._default_manager.order_by(*order).first()
    assert row is not None, f"{model._meta.db_table} has no row"
    return row


def plant(table: str, types: dict[str, str], text: str = ADDRESS) -> None:
    """Writes the text into these columns of a row, as the owner of the tables can."""
    models = [each for each in apps.get_models() if not each._meta.proxy]
    model = next(each for each in models if each._meta.db_table == table)
    row = first_row(model)
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if field.column in types:
            is_text = types[field.column] in ("text", "character varying")
            old = getattr(row, field.attname)
            values[field.name] = f"By {text}." if is_text else with_text(old or [""], text)
    with atomic(), rules_down(table), noting_rows(model, [row.pk], "Planted"):
        model._default_manager.filter(pk=row.pk).update(**values)


def planted_everywhere() -> dict[str, dict[str, str]]:
    """Writes the address into all `columns`, which it returns."""
    found = columns()
    for table, types in found.items():
        plant(table, types)
    return found


def holding(found: dict[str, dict[str, str]], text: str = ADDRESS) -> Iterator[str]:
    """Which of the columns have the text."""
    with connection.cursor() as cursor:
        for table, types in found.items():
            for column in types:
                cursor.execute(
                    f'SELECT FROM "{table}" WHERE "{column}"::text LIKE %s', [f"%{text}%"]
                )
                if cursor.rowcount:
                    yield f"{table}.{column}"


@pytest.fixture
def of_strangers(clerk: User) -> None:
    """Rows of people who never met the person, in each table that has columns of text."""
    ben: Account = AccountFactory(user=UserFactory(name="Ben"), balance="100")
    shop: Account = AccountFactory(user=UserFactory(name="The shop"))
    trail_of_staff(ben, shop, texts_of(ben, shop, "A text"), "A text", clerk)


@pytest.mark.usefixtures("of_strangers")
def test_an_address_of_an_erased_person_stays_in_no_column_that_is_not_kept() -> None:
    person = UserFactory(name="Zo\u00eb Quirin", email=ADDRESS)
    found = planted_everywhere()
    planted = {f"{table}.{column}" for table, types in found.items() for column in types}
    assert set(holding(found)) == planted
    leave(person=person)

    erase(User.objects.get(pk=person.pk))

    assert list(holding(found)) == []
    result = audit()
    assert result.clean, result.findings


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("of_strangers")
def test_the_worker_erases_and_deletes_what_the_owner_may() -> None:
    person = UserFactory(name="Zo\u00eb Quirin", email=ADDRESS)
    found = planted_everywhere()
    leave(person=person)
    with as_worker():
        erase(User.objects.get(pk=person.pk))
        kept = audit()
        deleted = apply_retention(timezone.now() + timedelta(days=36_500))
        result = audit()
    assert list(holding(found)) == []
    assert kept.clean, kept.findings
    assert {"reads of others' data", "queries of the explorer"} <= {
        what for what, count in deleted.items() if count
    }
    assert {finding.check for finding in result.findings} == {"early removal"}  # of new rows


@pytest.mark.usefixtures("of_strangers")
def test_a_text_that_is_replaced_after_the_search_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    person = UserFactory(name="Zo\u00eb Quirin", email=ADDRESS)
    found, search = columns(), erasure._search

    def search_and_replace(traces: Traces) -> list[erasure.Found]:
        result = search(traces)
        if result:
            for table, types in found.items():
                plant(table, types, "nobody")
        return result

    for table, types in found.items():
        plant(table, types)
    leave(person=person)
    monkeypatch.setattr(erasure, "_search", search_and_replace)

    erase(User.objects.get(pk=person.pk))

    replaced = {f"{table}.{column}" for table, types in found.items() for column in types}
    assert set(holding(found, "nobody")) == replaced
    findings = audit().findings
    # The replaced text is no account number, so it differs from the recipient of the line.
    assert [finding.check for finding in findings] == ["payment line"], findings
