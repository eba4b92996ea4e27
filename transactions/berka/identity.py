"""What stands in the books for the bank's own ids and dates: the same in every run."""

import uuid
from datetime import UTC, date, datetime, timedelta

from accounts.numbers import with_check_digits
from ledger.db.ids import uuid7_of

# Ids must not depend on a row's date: a row sent again with another date is a conflict, not a
# second row. Their time part is this day plus the bank's own id in milliseconds.
FIRST_DAY = datetime(1993, 1, 1, tzinfo=UTC)


def id_of(kind: str, source_id: int) -> uuid.UUID:
    """The id in the books of the bank's "trans", "account" or "client" with this number."""
    return uuid7_of(FIRST_DAY + timedelta(milliseconds=source_id), f"berka:{kind}:{source_id}")


def number_of(account_id: int) -> str:
    """The number of an account: the bank's own id in ten digits, and the check digits."""
    return with_check_digits(f"{account_id:010}")


def email_of(client_id: int) -> str:
    """A client's address; the bank's data has none, and nobody can have one at .example."""
    return f"client-{client_id}@berka.example"


def noon(day: date) -> datetime:
    """Noon in UTC, which is the same day on the clocks of nearly the whole world."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
