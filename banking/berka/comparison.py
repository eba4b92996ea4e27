"""Compares the books with the closing balances in the bank's files."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from django.db import connection

from banking.berka.identity import id_of, number_of
from banking.berka.opening import CURRENCY
from banking.berka.source import Source
from ledger.text.money import figure


def comparison(source: Source) -> Iterator[str]:
    """Yields a message for each account whose booked balance differs from the files by more than
    the tolerance of the account. Then yields a message with the number of accounts whose balances
    agree. Yields nothing if there are no accounts.
    """
    found = list(_disagreements(source))
    yield from found
    total = len(source.closings)
    which = f"{total - len(found):,} of {total:,}" if found else f"All {total:,}"
    if total:
        yield f"{which} accounts agree with the bank's own closing balance."


def _disagreements(source: Source) -> Iterator[str]:
    ids = {id_of("account", account_id): account_id for account_id in source.closings}
    booked = booked_balances({id: source.closings[ids[id]].day for id in ids})
    for id, account_id in ids.items():
        closing = source.closings[account_id]
        if abs(booked[id] - closing.balance) > closing.tolerance:
            yield (
                f"account {account_id} ({number_of(account_id)}) on {closing.day}: the books have "
                f"{figure(booked[id], CURRENCY)} {CURRENCY}, "
                f"the bank {figure(closing.balance, CURRENCY)} {CURRENCY}"
            )


def booked_balances(days: Mapping[uuid.UUID, date]) -> dict[uuid.UUID, Decimal]:
    """Returns the booked balance of each account at the end of one day. `days` contains the day of
    each account. Selects entries by their value date.

    Payments that were made after the import have a later value date, so they are not included. A
    corrected row that is booked later keeps its original value date, so it is included.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT closing.account_id, coalesce(booked.sum, 0)
            FROM unnest(%s::uuid[], %s::date[]) AS closing (account_id, day)
            CROSS JOIN LATERAL (
                SELECT sum(signed_amount) FROM entries
                WHERE account_id = closing.account_id AND value_date <= closing.day
                  AND status = 'completed'
            ) AS booked
            """,
            [list(days), list(days.values())],
        )
        return dict(cursor.fetchall())
