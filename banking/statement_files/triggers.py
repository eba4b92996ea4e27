"""The trigger that checks each new statement.

Note [Statements follow]: a trigger accepts a statement only if it is the next statement of its
account, begins where the previous statement ended, and is covered by a seal. So the numbers of an
account have no gaps, and nothing can be booked into the period afterwards. The period must match
its month, so the months have no gaps either. The amounts must match the entries, so a database role
with the right to insert statements cannot invent a statement. The account must have no entries
before its first statement.

Note [Edges of a month]: a month begins at midnight in `TIME_ZONE`, which the database does not
know. All time zones differ from UTC by at most 14 hours, so a month begins and ends at most 14
hours before or after midnight in UTC. If the setting changes between two statements, the beginning
moves by some hours, but stays within these 14 hours.
"""

import pgtrigger

from ledger.db.triggers import FirmTrigger, refuse

MAX_OFFSET = "interval '14 hours'"  # maximum difference from UTC, see Note [Edges of a month]


def is_off(moment: str, midnight: str) -> str:
    """Returns a SQL condition: whether `moment` differs from `midnight` (a timestamp in UTC) by
    more than MAX_OFFSET.
    """
    edge = f"(({midnight}) AT TIME ZONE 'UTC')"
    return f"{moment} NOT BETWEEN {edge} - {MAX_OFFSET} AND {edge} + {MAX_OFFSET}"


def _balance_before(moment: str) -> str:
    """Returns a SQL expression: the account's balance before this time. It is the balance after the
    last earlier entry, or NULL if there is no earlier entry. Uses one lookup in each index.
    """
    return f"""(
                SELECT balance FROM entries WHERE account_id = NEW.account_id
                AND status = 'completed' AND created_at < {moment}
                ORDER BY created_at DESC LIMIT 1
            )"""


STATEMENT_FOLLOWS = FirmTrigger(
    name="statement_follows",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[("last", "monthly_statements%ROWTYPE"), ("books", "record")],
    func=f"""
        SELECT * INTO last FROM monthly_statements
        WHERE account_id = NEW.account_id ORDER BY number DESC LIMIT 1;
        IF NEW.number <> coalesce(last.number, 0) + 1
           OR NEW.starts_at IS DISTINCT FROM coalesce(last.ends_at, NEW.starts_at)
           OR NEW.opening <> coalesce(last.closing, 0)
        THEN
            {refuse("statement_follows", "A statement begins where the one before it ends.")}
        END IF;
        IF NOT EXISTS (
            SELECT FROM seals WHERE number = NEW.seal_id AND ends_at >= NEW.ends_at
        ) THEN
            {refuse("statement_is_sealed", "A statement is issued when its month is sealed.")}
        END IF;
        IF {is_off("NEW.starts_at", "NEW.month::timestamp")}
           OR {is_off("NEW.ends_at", "NEW.month + interval '1 month'")}
        THEN
            {refuse("statement_is_of_its_month", "The period of a statement is its month.")}
        END IF;
        SELECT {_balance_before("NEW.starts_at")} AS opening,
            {_balance_before("NEW.ends_at")} AS closing,
            count(*) AS entries,
            coalesce(sum(amount) FILTER (WHERE direction = 'credit'), 0) AS money_in,
            coalesce(sum(amount) FILTER (WHERE direction = 'debit'), 0) AS money_out
        INTO books
        FROM entries WHERE account_id = NEW.account_id AND status = 'completed'
        AND created_at >= NEW.starts_at AND created_at < NEW.ends_at;
        IF NEW.number = 1 AND books.opening IS NOT NULL THEN
            {refuse("statement_is_the_first", "Statements begin before the first entry.")}
        END IF;
        IF NEW.opening <> coalesce(books.opening, 0) OR NEW.closing <> coalesce(books.closing, 0)
           OR NEW.money_in <> books.money_in OR NEW.money_out <> books.money_out
           OR NEW.entry_count <> books.entries
        THEN
            {refuse("statement_of_the_books", "A statement has the figures of the books.")}
        END IF;
        RETURN NEW;
    """,
)
