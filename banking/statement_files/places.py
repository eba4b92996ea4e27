"""Identifies the entries that a search found by a text that is short enough for a printed code.

Note [Places of entries]: the result of a search depends on the notes and categories of the person
who searches, on names, and on the day. Therefore the printed code of a search contains the places
of the found entries. The place of an entry is its number in the list of all entries of the account,
oldest first. These places never change, because nothing is booked before an existing entry.
"""

import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from uuid import UUID

from transactions.models import Entry
from transactions.models.entry import EntryQuerySet

MAX_BYTES = 240  # with more, the squares of the code are too small
NO_PLACE = urlsafe_b64encode(zlib.compress(b"", wbits=-zlib.MAX_WBITS)).decode()


def places_of(entries: Sequence[Entry], all_of_account: EntryQuerySet) -> str:
    """Returns the places of the entries (see Note [Places of entries]) as text, or "" if the text
    would be too long for a printed code. `entries` must be sorted oldest first.
    """
    if not entries:
        return f"0.{NO_PLACE}"
    first, last = entries[0].created_at, entries[-1].created_at
    before = all_of_account.filter(created_at__lt=first).count()
    around = all_of_account.filter(created_at__gte=first, created_at__lte=last)
    ids = around.order_by("created_at").values_list("transaction_id", flat=True)
    chosen = {entry.transaction_id for entry in entries}
    bits = bytearray()
    for place, id in enumerate(ids.iterator()):
        if place % 8 == 0:
            bits.append(0)
        bits[-1] |= (id in chosen) << place % 8
    packed = zlib.compress(bits, level=9, wbits=-zlib.MAX_WBITS)
    if len(packed) > MAX_BYTES:
        return ""
    return f"{before}.{urlsafe_b64encode(packed).decode()}"


def ids_at(places: str, all_of_account: EntryQuerySet) -> list[UUID]:
    """Returns the transaction ids of the entries at these places, oldest first. If the account now
    has fewer entries, returns fewer ids.

    Raises: ValueError if the text cannot come from `places_of`.
    """
    before, _, packed = places.partition(".")
    try:
        bits = zlib.decompress(urlsafe_b64decode(packed), wbits=-zlib.MAX_WBITS)
    except zlib.error as error:
        raise ValueError(places) from error
    rows = all_of_account.order_by("created_at").values_list("transaction_id", flat=True)
    ids = rows[int(before) : int(before) + 8 * len(bits)]
    return [id for place, id in enumerate(ids) if bits[place // 8] >> place % 8 & 1]
