"""Triggers that set the time of new rows and check their author."""

import pgtrigger

from ledger.db.triggers import TRUSTS_CALLER, FirmTrigger, refuse

# The SQL condition that the author of a row must be proved, for functions that run with the rights
# of the table owner. The condition is true for web processes and the worker in a bank with a key.
# If the condition is false, the caller can enter any author: the caller has the rights of the table
# owner, or the bank has no key, such as the practice bank. See Note [Signed facts].
NEEDS_PROOF = f"EXISTS (SELECT FROM fact_keys) AND NOT {TRUSTS_CALLER}"

# The id of the person in the signed facts of an SQL statement; NULL if there is no valid signature.
PROVED_PERSON = """(SELECT (facts ->> 'person')::uuid FROM told_facts() AS facts
            WHERE (facts ->> 'proved')::boolean)"""


def of_now(name: str, column: str) -> pgtrigger.Trigger:
    """Returns a trigger that sets this column of a new row to the time of the server's clock."""
    return FirmTrigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func=f"""
            NEW.{column} := CASE WHEN NEW.{column} IS NOT NULL THEN clock_timestamp() END;
            RETURN NEW;
        """,
    )


def by_its_author(
    name: str, column: str, message: str, *, unless: str = "false"
) -> pgtrigger.Trigger:
    """Returns a trigger that checks the author of new rows. It refuses a row if `column` does not
    contain the person of the signed facts: see Note [Signed facts]. Rows for which the SQL
    condition `unless` is true are not checked. The trigger verifies the signature once per
    statement.
    """
    return FirmTrigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
        definer=True,
        declare=[("facts", "jsonb := told_facts()"), ("author", "uuid")],
        func=f"""
            IF (facts ->> 'proved')::boolean THEN
                author := (facts ->> 'person')::uuid;
            END IF;
            IF {NEEDS_PROOF} AND EXISTS (
                SELECT FROM added
                WHERE ({column} = author) IS NOT TRUE AND NOT ({unless})
            ) THEN
                {refuse(name, message)}
            END IF;
            RETURN NULL;
        """,
    )
