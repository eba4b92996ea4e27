"""Triggers by which a row that the web role inserts names its own author and the present time."""

import pgtrigger

from ledger.db.triggers import TRUSTS_CALLER, FirmTrigger, refuse

# Whether what a row says of its author has to be proved: by web processes and the worker, in a bank
# with a key. For functions with the rights of the owner. Whoever has the rights of the owner may
# name anybody; so may everybody in a bank without a key, as in the practice bank. See
# Note [Signed facts].
NEEDS_PROOF = f"EXISTS (SELECT FROM fact_keys) AND NOT {TRUSTS_CALLER}"

# The id of the person whom the signed facts of a statement name; NULL without a right signature.
PROVED_PERSON = """(SELECT (facts ->> 'person')::uuid FROM told_facts() AS facts
            WHERE (facts ->> 'proved')::boolean)"""


def of_now(name: str, column: str) -> pgtrigger.Trigger:
    """The time of a new row is that of the server's clock, whatever the writer says."""
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
    """Refuses new rows of the web role that name nobody, or somebody whom the signed facts do not
    name, unless they meet the SQL condition `unless`. Checked once for a statement, because
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
