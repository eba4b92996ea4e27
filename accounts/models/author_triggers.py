"""Triggers which ensure that a row inserted by the web role has its author and the current time."""

import pgtrigger

from ledger.db.triggers import TRUSTS_CALLER, FirmTrigger, refuse

# Whether the author of a row must be proved: for web processes and the worker, in a bank with a
# key. For functions with the rights of the owner. A caller with the rights of the owner may enter
# any author; so may everybody in a bank without a key, such as the practice bank. See Note [Signed
# facts].
NEEDS_PROOF = f"EXISTS (SELECT FROM fact_keys) AND NOT {TRUSTS_CALLER}"

# The id of the person in the signed facts of a statement; NULL without a valid signature.
PROVED_PERSON = """(SELECT (facts ->> 'person')::uuid FROM told_facts() AS facts
            WHERE (facts ->> 'proved')::boolean)"""


def of_now(name: str, column: str) -> pgtrigger.Trigger:
    """Returns a trigger that sets the time of a new row by the server's clock."""
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
    """Returns a trigger that refuses new rows of the web role without the person of the signed
    facts, unless they meet the SQL condition `unless`. It checks once per statement, because
    signatures take longer than rows.
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
