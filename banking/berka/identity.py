"""Makes ids, numbers, addresses and times from the bank's ids. The results are the same in every
run.
"""

import uuid
from datetime import UTC, date, datetime, timedelta

from accounts.numbers import with_check_digits
from ledger.db.ids import uuid7_of

# An id does not depend on the date of the row. So if a row is imported again with another date, the
# import reports a conflict and does not add a second row. The time in an id is this day plus the
# bank's id in milliseconds.
FIRST_DAY = datetime(1993, 1, 1, tzinfo=UTC)


def id_of(kind: str, source_id: int) -> uuid.UUID:
    """Returns the id in Ledger of a row in the bank's files. `kind` is "trans", "account" or
    "client", and `source_id` is the number of the row in the files.
    """
    return uuid7_of(FIRST_DAY + timedelta(milliseconds=source_id), f"berka:{kind}:{source_id}")


def number_of(account_id: int) -> str:
    """Returns an account number: the bank's id with ten digits, followed by check digits."""
    return with_check_digits(f"{account_id:010}")


def email_of(client_id: int) -> str:
    """Returns an email address for a client, because the data contains no addresses. Addresses in
    the domain .example never exist.
    """
    return f"client-{client_id}@berka.example"


def noon(day: date) -> datetime:
    """Returns noon in UTC on this day. At noon in UTC, nearly all time zones have the same date."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
