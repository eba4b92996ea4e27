"""What a person reads where the database refuses a row: what happened, and no name of a rule."""

import logging
import re
from datetime import timedelta
from decimal import Decimal

import pgtrigger
import pytest
from django.apps import apps
from django.db import IntegrityError, connection
from django.utils import timezone

from accounts import refusals
from ledger.db.triggers import refuse
from tests.factories import AccountFactory, balances, walls_down
from transactions import services
from transactions.exceptions import RefusedByDatabase
from transactions.posting.refusals import BY_CONSTRAINT, SENTENCES, sentence_of

pytestmark = pytest.mark.django_db
# The rules of triggers have no row in the catalog; `refuse` puts their names into the functions.
OF_TRIGGERS = r"CONSTRAINT\s+=\s+'(\w+)'"


def rules() -> set[str]:
    """The names of all constraints, and of the rules of all triggers, of the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname FROM pg_constraint WHERE conname ~ '[a-z]'")
        found = {name for (name,) in cursor.fetchall()}
        cursor.execute("SELECT prosrc FROM pg_proc WHERE prosrc LIKE '%RAISE EXCEPTION%'")
        return found.union(*(re.findall(OF_TRIGGERS, text) for (text,) in cursor.fetchall()))


def test_no_sentence_names_a_rule() -> None:
    names = rules() | BY_CONSTRAINT.keys() | SENTENCES.keys()
    assert {"rows_continue_the_books", "account_id_currency_unique", "users_pkey"} <= names
    shown = {name: sentence_of(name) for name in [*names, ""]}
    assert not [
        name
        for name, text in shown.items()
        if not text or "_" in text or "%(" in text or (name and name in text)
    ]


def test_a_constraint_has_its_own_sentence_in_whichever_app_it_is() -> None:
    own = {
        (model._meta.app_label, rule.name): str(rule.violation_error_message)
        for model in apps.get_models()
        for rule in model._meta.constraints
        if rule.violation_error_message != rule.default_violation_error_message
        and rule.name not in SENTENCES
    }
    assert {"accounts", "transactions", "cookbook"} <= {label for label, _name in own}
    assert own == {(label, name): sentence_of(name) for label, name in own}


def test_a_trigger_of_a_feature_on_a_table_of_another_app_has_a_sentence() -> None:
    added = {
        name
        for model, trigger in pgtrigger.registered()
        if model._meta.proxy and model.__module__.startswith("banking.")
        for name in re.findall(OF_TRIGGERS, str(trigger.get_func(model)))
    }
    assert added
    assert added <= refusals.REFUSALS.keys()


def test_a_clock_that_is_behind_refuses_payments_in_plain_words_and_the_log_names_the_rule(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The clock of the database was set back after the last entry of the account."""
    account = AccountFactory(balance="10")
    with walls_down("accounts"), connection.cursor() as cursor:
        later = timezone.now() + timedelta(hours=1)
        cursor.execute("UPDATE accounts SET last_entry_at = %s WHERE id = %s", [later, account.pk])
    with (
        caplog.at_level(logging.ERROR, "transactions"),
        pytest.raises(RefusedByDatabase) as refusal,
    ):
        services.withdraw(from_account=account, amount=Decimal(1))
    assert str(refusal.value) == SENTENCES["rows_continue_the_books"]
    assert "rows_continue_the_books" in caplog.text
    assert balances(account) == [10]


def test_the_sentence_of_a_trigger_may_have_quotes_and_percents() -> None:
    sentence = "It's 100 % the bank's."
    raised = refuse("the_rule", sentence).replace(", TABLE = TG_TABLE_NAME", "")
    with pytest.raises(IntegrityError, match=re.escape(sentence)), connection.cursor() as cursor:
        cursor.execute(f"DO $$ BEGIN {raised} END $$")
