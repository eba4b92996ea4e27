"""Triggers that enforce the rules of reconciliations for all database roles.

Note [Reconciliations]: a line of the statement is settled in two cases: its whole amount is matched
with payments at this bank, or the line is left over with a reason. A line of zero is always
settled. When all lines are settled, one person signs. From then on, the reconciliation can change
only if the signature is withdrawn first. After a second person has signed, the reconciliation can
never change.

Each change of existing rows first takes one lock for the whole bank, so reconciliations are changed
one after the other. If two people match the same payment, the second transaction sees the first
match. This works only at READ COMMITTED: at other isolation levels, an old snapshot could hide the
first match. Therefore transactions at other levels must not change these tables.

Uploads do not take this lock. They do not need it, because nobody else sees a new reconciliation
and its lines before COMMIT. They would also block other changes too long, because an upload of
50,000 lines takes many seconds. Instead, inserting a line locks the row of its reconciliation, so
that no line is added while somebody signs.
"""

import pgtrigger

from accounts.models.approval_triggers import may
from accounts.models.author_triggers import NEEDS_PROOF, PROVED_PERSON
from ledger.db.triggers import FirmTrigger, refuse
from transactions.privacy.traces import REPR

LOCK = 7_402_310  # key for pg_advisory_xact_lock
_FREE = "'{signed_by_id, signed_at, countersigned_by_id, countersigned_at, name}'::text[]"
_IS_SETTLED = """
    line.leftover <> '' OR abs(line.amount) = (
        SELECT coalesce(sum(amount), 0) FROM reconciliation_matches WHERE line_id = line.id
    )
"""


def _open(id: str, name: str, lock: str = "") -> str:
    """Returns PL/pgSQL that raises an error if the reconciliation with this id is signed or
    missing.
    """
    unsigned = f"SELECT FROM reconciliations WHERE id = {id} AND signed_by_id IS NULL{lock}"
    return f"""
        IF NOT EXISTS ({unsigned}) THEN
            {refuse(name, "What is signed does not change any more.")}
        END IF;
    """


def one_at_a_time(name: str, *, inserts_too: bool = False) -> FirmTrigger:
    """Returns the trigger that takes the lock of Note [Reconciliations]. The trigger runs before
    the other triggers of the table.
    """
    lock = f"PERFORM pg_advisory_xact_lock({LOCK});"
    if not inserts_too:
        lock = f"IF TG_OP <> 'INSERT' THEN {lock} END IF;"
    return FirmTrigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        func=f"""
            IF current_setting('transaction_isolation') <> 'read committed' THEN
                {refuse(name, "Reconciliations change at READ COMMITTED alone.")}
            END IF;
            {lock}
            RETURN NULL;
        """,
    )


_OF_LINE = "(SELECT reconciliation_id FROM reconciliation_lines WHERE id = OLD.line_id)"


def _proved(signer: str) -> str:
    """Returns a SQL condition: whether `signer` is the signed-in user and has the right to sign.
    The condition is always true if the database needs no proof of the signed-in user.
    """
    is_allowed = may(signer, "'reconcile'")
    return f"""(NOT ({NEEDS_PROOF})
                OR {signer} IS NOT DISTINCT FROM {PROVED_PERSON} AND {is_allowed})"""


# This trigger ignores changes of the file name, so that an erasure does not have to disable the
# trigger. An attacker in a worker could otherwise leave the trigger disabled for web processes.
SIGNED_BY_TWO = FirmTrigger(
    name="reconciliation_signed_by_two",
    when=pgtrigger.Before,
    operation=pgtrigger.Update,
    definer=True,
    func=f"""
        IF NEW.name <> OLD.name AND to_jsonb(OLD) - 'name' = to_jsonb(NEW) - 'name' THEN
            RETURN NEW;
        END IF;
        IF OLD.countersigned_by_id IS NOT NULL THEN
            {refuse("reconciliation_is_frozen", "A reconciliation signed by two is frozen.")}
        END IF;
        IF to_jsonb(OLD) - {_FREE} <> to_jsonb(NEW) - {_FREE} THEN
            {refuse("reconciliation_facts_stay", "What a file says of itself does not change.")}
        END IF;
        IF OLD.signed_by_id IS NULL THEN
            NEW.signed_at := CASE WHEN NEW.signed_by_id IS NOT NULL THEN clock_timestamp() END;
            IF EXISTS (
                SELECT FROM reconciliation_lines AS line
                WHERE line.reconciliation_id = NEW.id AND ({_IS_SETTLED}) IS NOT TRUE
            ) THEN
                {refuse("reconciliation_is_settled", "Each line is matched or left over first.")}
            END IF;
        ELSIF NEW.signed_by_id IS NOT NULL THEN
            NEW.signed_at := OLD.signed_at;
            IF NEW.signed_by_id <> OLD.signed_by_id THEN
                {refuse("reconciliation_signed_once", "Somebody has signed this already.")}
            END IF;
        ELSE
            NEW.signed_at := NULL;
        END IF;
        NEW.countersigned_at :=
            CASE WHEN NEW.countersigned_by_id IS NOT NULL THEN clock_timestamp() END;
        IF NEW.countersigned_by_id IS NOT NULL AND (
            OLD.signed_by_id IS NULL OR NEW.signed_by_id IS NULL
            OR NEW.countersigned_by_id = NEW.signed_by_id
        ) THEN
            {refuse("reconciliation_by_two", "Two different people sign, one after the other.")}
        END IF;
        IF OLD.signed_by_id IS NULL AND NEW.signed_by_id IS NOT NULL
               AND NOT {_proved("NEW.signed_by_id")}
           OR NEW.countersigned_by_id IS NOT NULL AND NOT {_proved("NEW.countersigned_by_id")}
           OR NEW.signed_by_id IS NULL AND NOT {_proved(PROVED_PERSON)}
        THEN
            {refuse("reconciliation_by_its_signers", "Staff sign in their own name alone.")}
        END IF;
        RETURN NEW;
    """,
)
NAME_STAYS = FirmTrigger(
    name="reconciliation_name_stays",
    when=pgtrigger.Before,
    operation=pgtrigger.UpdateOf("name"),  # type: ignore[no-untyped-call]
    condition=pgtrigger.Condition("OLD.name IS DISTINCT FROM NEW.name"),
    func=refuse("reconciliation_name_stays", "The name of a file does not change."),
)
BEGINS_UNSIGNED = FirmTrigger(
    name="reconciliation_begins_unsigned",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    func=f"""
        IF num_nonnulls(NEW.signed_by_id, NEW.signed_at, NEW.countersigned_by_id,
                        NEW.countersigned_at) > 0
        THEN
            {refuse("reconciliation_begins_unsigned", "A reconciliation begins unsigned.")}
        END IF;
        RETURN NEW;
    """,
)
SIGNED_STAYS = FirmTrigger(
    name="signed_reconciliation_stays",
    when=pgtrigger.Before,
    operation=pgtrigger.Delete,
    func=f"""
        IF OLD.signed_by_id IS NOT NULL THEN
            {refuse("signed_reconciliation_stays", "What is signed is not deleted.")}
        END IF;
        RETURN OLD;
    """,
)
_OF_EITHER = "coalesce(OLD.reconciliation_id, NEW.reconciliation_id)"
# Two triggers, because an erasure disables the trigger for UPDATE, but must never disable a trigger
# for INSERT.
LINES_COMPLETE = FirmTrigger(
    name="lines_of_signed_complete",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.Delete,
    func=f"""
        {_open(_OF_EITHER, "lines_of_signed_complete", " FOR SHARE")}
        RETURN coalesce(NEW, OLD);
    """,
)
_TEXTS = "'{description, other, reference, outside_id}'::text[]"
# An erasure never disables this trigger. In signed reconciliations, an erasure may only replace the
# reason of a line.
LINE_STAYS = FirmTrigger(
    name="reconciliation_line_stays",
    when=pgtrigger.Before,
    operation=pgtrigger.Update,
    func=f"""
        IF to_jsonb(OLD) - {_TEXTS} = to_jsonb(NEW) - {_TEXTS} THEN
            RETURN NEW;
        END IF;
        IF OLD.leftover = '' OR NEW.leftover <> '{REPR}' THEN
            {_open("OLD.reconciliation_id", "line_of_signed_stays", " FOR SHARE")}
        END IF;
        IF to_jsonb(OLD) - {_TEXTS} - 'leftover' <> to_jsonb(NEW) - {_TEXTS} - 'leftover' THEN
            {refuse("reconciliation_line_stays", "A line of the file does not change.")}
        END IF;
        RETURN NEW;
    """,
)
LINE_TEXTS_STAY = FirmTrigger(
    name="reconciliation_texts_stay",
    when=pgtrigger.Before,
    operation=pgtrigger.UpdateOf(  # type: ignore[no-untyped-call]
        "description", "other", "reference", "outside_id", "leftover"
    ),
    func=f"""
        IF to_jsonb(OLD) - 'leftover' <> to_jsonb(NEW) - 'leftover' THEN
            {refuse("reconciliation_texts_stay", "The texts of a line do not change.")}
        END IF;
        {_open("OLD.reconciliation_id", "reconciliation_texts_stay", " FOR SHARE")}
        RETURN NEW;
    """,
)
# One call checks all matches of an SQL statement. With a trigger for each row, 50,000 lines took a
# minute.
MATCHES_FIT = FirmTrigger(
    name="matches_fit",
    level=pgtrigger.Statement,
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
    definer=True,  # row-level security would hide rows from the user who matches
    func=f"""
        IF EXISTS (
            SELECT FROM added JOIN reconciliation_lines AS line ON line.id = added.line_id
            JOIN reconciliations AS it ON it.id = line.reconciliation_id
            WHERE it.signed_by_id IS NOT NULL
        ) THEN
            {refuse("no_match_of_signed", "What is signed does not change any more.")}
        END IF;
        IF EXISTS (
            SELECT FROM added JOIN reconciliation_lines AS line ON line.id = added.line_id
            JOIN reconciliations AS it ON it.id = line.reconciliation_id
            LEFT JOIN transactions AS paid ON paid.id = added.transaction_id
            WHERE (
                paid.status = 'completed' AND paid.currency = it.currency AND CASE
                    WHEN it.account_id IS NULL AND line.amount > 0 THEN paid.from_account_id IS NULL
                    WHEN it.account_id IS NULL THEN paid.to_account_id IS NULL
                    WHEN line.amount > 0 THEN paid.to_account_id = it.account_id
                    ELSE paid.from_account_id = it.account_id END
                AND added.account_id IS NOT DISTINCT FROM it.account_id
            ) IS NOT TRUE
        ) THEN
            {refuse("match_of_the_books", "This payment is not booked on this settlement account.")}
        END IF;
        IF EXISTS (
            SELECT FROM reconciliation_matches AS match
            JOIN reconciliation_lines AS line ON line.id = match.line_id
            WHERE match.line_id IN (SELECT line_id FROM added)
            GROUP BY line.id HAVING sum(match.amount) > abs(line.amount)
        ) THEN
            {refuse("match_within_line", "More would be matched than the line has.")}
        END IF;
        IF EXISTS (
            SELECT FROM reconciliation_matches AS match
            JOIN transactions AS paid ON paid.id = match.transaction_id
            WHERE match.transaction_id IN (SELECT transaction_id FROM added)
            GROUP BY paid.id, match.account_id HAVING sum(match.amount) > paid.amount
        ) THEN
            {refuse("match_within_payment", "More would be matched than the payment has.")}
        END IF;
        RETURN NULL;
    """,
)
MATCH_STAYS = FirmTrigger(
    name="match_stays",
    when=pgtrigger.Before,
    operation=pgtrigger.Update,
    func=refuse("match_stays", "A match does not change; delete it and match anew."),
)
UNMATCHED_WHILE_OPEN = FirmTrigger(
    name="unmatched_while_open",
    when=pgtrigger.Before,
    operation=pgtrigger.Delete,
    func=f"""
        {_open(_OF_LINE, "match_of_signed_stays")}
        RETURN OLD;
    """,
)


def never_emptied(name: str) -> FirmTrigger:
    """Returns the trigger that refuses TRUNCATE."""
    return FirmTrigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Truncate,
        func=refuse(name, "Reconciliations are never emptied."),
    )


def frozen_digest(row: str) -> str:
    """Returns a SQL expression: the SHA-256 of a reconciliation that two people have signed, with
    its lines and matches. Excludes the name of the file and the texts of lines, because the erasure
    of a person changes them.
    """
    facts = ", ".join(
        f"{row}.{column}" for column in (
            "id", "account_id", "format", "digest", "currency", "first_on", "last_on", "opening",
            "closing", "line_count", "unbooked_count", "created_by_id", "signed_by_id",
            "countersigned_by_id",
        )
    )  # fmt: skip
    times = ", ".join(
        f"{row}.{column} AT TIME ZONE 'UTC'"
        for column in ("created_at", "signed_at", "countersigned_at")
    )
    return f"""sha256(convert_to(json_build_array({facts}, {times}, (
        SELECT json_agg(json_build_array(line.id, line.number, line.booked_on, line.amount,
                                         line.leftover <> '') ORDER BY line.number, line.id)
        FROM reconciliation_lines AS line WHERE line.reconciliation_id = {row}.id
    ), (
        SELECT json_agg(json_build_array(
            match.id, match.line_id, match.transaction_id, match.account_id, match.amount,
            match.is_sure, match.created_by_id, match.created_at AT TIME ZONE 'UTC'
        ) ORDER BY match.id)
        FROM reconciliation_matches AS match
        JOIN reconciliation_lines AS line ON line.id = match.line_id
        WHERE line.reconciliation_id = {row}.id
    ))::text, 'UTF8'))"""


# Stores the digest and the account of a frozen reconciliation. The audit compares the digest later,
# because the owner of the tables could edit frozen rows.
FROZEN_IS_REGISTERED = FirmTrigger(
    name="frozen_is_registered",
    when=pgtrigger.After,
    operation=pgtrigger.Update,
    definer=True,
    func=f"""
        IF OLD.countersigned_by_id IS NULL AND NEW.countersigned_by_id IS NOT NULL THEN
            INSERT INTO row_register (table_name, row_id, registered_at, digest, about)
            VALUES (TG_TABLE_NAME, NEW.id::text, clock_timestamp(), {frozen_digest("NEW")},
                    NEW.account_id)
            ON CONFLICT DO NOTHING;
        END IF;
        RETURN NULL;
    """,
)
