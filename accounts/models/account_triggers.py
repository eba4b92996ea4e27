"""The triggers of accounts. They check columns that a payment does not write, and protect balances.

Note [Rules of a payment]: for every SQL statement that writes to a table, Postgres plans the
table's CHECK constraints and the WHEN conditions of its triggers again. A payment updates only
balance, held and last_entry_at of its accounts. Therefore the rules about all other columns are
triggers on these other columns, which do not slow down payments. docs/schema.md describes the cost
of rules.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pgtrigger

from accounts.erased import ACCOUNT_NAME
from accounts.models.change_triggers import recorded
from accounts.models.fields import EARLIEST, LATEST
from ledger.db.history.register import ERASES
from ledger.db.triggers import TRUSTS_USER, FirmTrigger, refuse

STATUSES = ("active", "frozen", "closed")
# Columns that cannot change on a closed account, together with its limits and settings.
CLOSED_COLUMNS = ("user_id", "number", "currency", "status", "closed_at")


CLOSED_STAYS = refuse("closed_account_stays_closed", "A closed account never changes.")


def _time_is_finite(column: str) -> str:
    """Returns the SQL condition that a time is valid: NULL, or at least EARLIEST and less than
    LATEST.
    """
    return f"coalesce({column} >= '{EARLIEST}' AND {column} < '{LATEST}', true)"


UNKNOWN_CURRENCY = refuse(
    "account_currency_valid", "Accounts can be opened in currencies that are in the list and open."
)
OPENS_WITHOUT_OVERDRAFT = refuse(
    "account_opens_without_overdraft", "An overdraft is given after an account was opened."
)
CHOICES_MESSAGE = "A status is active, frozen or closed; a setting is one of its choices."
BALANCE_WRITTEN = refuse("balance_follows_rows", "Only posted transactions change a balance.")


def _update_of(*columns: str) -> pgtrigger.UpdateOf:
    """Returns the trigger operation for an UPDATE that sets one of these columns."""
    return pgtrigger.UpdateOf(*columns)  # type: ignore[no-untyped-call]


def rules(settings: Mapping[str, Any], limits: Iterable[str]) -> list[pgtrigger.Trigger]:
    """Returns all triggers of accounts. `settings` is SETTINGS and `limits` is LIMITS."""
    return [
        _recorded(settings, limits),
        _choices_valid(settings),
        _closed_stays([*CLOSED_COLUMNS, *limits, *settings]),
        *OTHERS,
    ]


def _recorded(settings: Iterable[str], limits: Iterable[str]) -> pgtrigger.Trigger:
    columns = {
        "number": "{row}.number",
        **{column: f"{{row}}.{column}" for column in settings},
        "currency": "{row}.currency",
        "status": "{row}.status",
        **{limit: f"{{row}}.{limit}::text" for limit in limits},
    }
    (trigger,) = recorded("accounts", {"owner": "{row}.user_id", **columns}, "user_id", *columns)
    return trigger


def _choices_valid(settings: Mapping[str, Any]) -> pgtrigger.Trigger:
    choices = {"status": STATUSES} | {
        column: found.values for column, found in settings.items() if found
    }
    unknown = (
        f"NEW.{column} NOT IN ({', '.join(map(_literal, values))})"
        for column, values in choices.items()
    )
    return FirmTrigger(
        name="account_choices_valid",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | _update_of(*choices),
        condition=pgtrigger.Condition(" OR ".join(unknown)),
        func=refuse("account_choices_valid", CHOICES_MESSAGE),
    )


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _closed_stays(columns: Iterable[str]) -> pgtrigger.Trigger:
    """Returns the trigger that protects closed accounts from changes. The owner of the tables may
    still erase the name, so that `erase_person` need not disable the trigger, which would lock the
    table and block every payment.
    """
    others = [column for column in columns if column != "name"]
    return FirmTrigger(
        name="closed_account_stays_closed",
        when=pgtrigger.Before,
        operation=_update_of(*columns),
        condition=pgtrigger.Condition(f"OLD.status = 'closed' AND {_differ(columns)}"),
        func=f"""
            IF NEW.name = '{ACCOUNT_NAME}'
               AND coalesce(current_setting('{ERASES}', true), '') <> ''
               AND NOT {_differ(others)} AND {TRUSTS_USER}
            THEN
                RETURN NEW;
            END IF;
            {CLOSED_STAYS}
        """,
    )


def _differ(columns: Iterable[str]) -> str:
    """Returns the SQL condition that at least one of these columns has changed."""
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    return f"(({old}) IS DISTINCT FROM ({new}))"


OTHERS: list[pgtrigger.Trigger] = [
    # See Note [Currency of an account]. Runs with the rights of the table owner, so a temporary
    # table cannot replace the table currencies.
    FirmTrigger(
        name="account_currency_valid",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | _update_of("currency"),
        definer=True,
        func=f"""
            SELECT minor_units INTO NEW.minor_units
            FROM currencies WHERE code = NEW.currency AND (is_open OR NEW.currency = OLD.currency);
            IF NOT FOUND AND NEW.currency IS NOT NULL THEN
                {UNKNOWN_CURRENCY}
            END IF;
            RETURN NEW;
        """,
    ),
    # The time of the last entry is copied from a transaction, where `transaction_values_finite`
    # checks it.
    FirmTrigger(
        name="account_times_finite",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | _update_of("created_at", "closed_at"),
        condition=pgtrigger.Condition(
            f"NOT ({_time_is_finite('NEW.created_at')} AND {_time_is_finite('NEW.closed_at')})"
        ),
        func=refuse("account_times_finite", "A time lies between 1900 and 9999."),
    ),
    # Refuses a direct UPDATE of a balance. An UPDATE by the triggers of transactions is accepted,
    # because its pg_trigger_depth is higher: see Note [Balances follow rows].
    FirmTrigger(
        name="balance_follows_rows",
        when=pgtrigger.Before,
        operation=_update_of("balance", "held", "last_entry_at"),
        condition=pgtrigger.Condition("pg_trigger_depth() = 0"),
        func=f"""
            IF (OLD.balance, OLD.held, OLD.last_entry_at)
               IS DISTINCT FROM (NEW.balance, NEW.held, NEW.last_entry_at)
            THEN
                {BALANCE_WRITTEN}
            END IF;
            RETURN NEW;
        """,
    ),
    FirmTrigger(
        name="account_opens_empty",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        condition=pgtrigger.Condition(
            "NEW.balance <> 0 OR NEW.held <> 0 OR NEW.last_entry_at IS NOT NULL"
            " OR NEW.status <> 'active' OR NEW.closed_at IS NOT NULL"
        ),
        func=refuse("account_opens_empty", "An account is opened empty and active."),
    ),
    # See Note [Four eyes]: limits are set by rows with an author and a reason.
    FirmTrigger(
        name="account_opens_without_overdraft",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func=f"""
            IF NEW.overdraft_limit > 0 AND NOT {TRUSTS_USER}
               AND EXISTS (SELECT FROM approval_thresholds)
            THEN
                {OPENS_WITHOUT_OVERDRAFT}
            END IF;
            RETURN NEW;
        """,
    ),
    # See Note [Status follows changes].
    FirmTrigger(
        name="status_has_a_change",
        when=pgtrigger.Before,
        operation=_update_of("status", "closed_at"),
        condition=pgtrigger.Condition(
            "pg_trigger_depth() = 0 AND (OLD.status, OLD.closed_at)"
            " IS DISTINCT FROM (NEW.status, NEW.closed_at)"
        ),
        func=refuse("status_has_a_change", "A status changes only by a row that says who and why."),
    ),
]
