"""Which of an account's entries a choice has, as text that is short enough for a code on paper.

Note [Places of entries]: what a search finds depends on what its reader writes later, such as
notes and categories, on names, and on the day. So the code of a search has the places of what it
found among all entries of the account, oldest first. Those never change: nothing is booked before
what is there.
"""

import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from uuid import UUID

from transactions.models import Entry
from transactions.models.entry import EntryQuerySet

MOST_BYTES = 240  # more would make the squares of the code too small
NO_PLACE = urlsafe_b64encode(zlib.compress(b"", wbits=-zlib.MAX_WBITS)).decode()


def places_of(entries: Sequence[Entry], all_of_account: EntryQuerySet) -> str:
    """The places of the entries, oldest first; "" if it would be too long."""
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
    if len(packed) > MOST_BYTES:
        return ""
    return f"{before}.{urlsafe_b64encode(packed).decode()}"


def ids_at(places: str, all_of_account: EntryQuerySet) -> list[UUID]:
    """The transactions of the entries at these places, oldest first. Fewer if there are fewer
    entries than there were. Raises ValueError for what `places_of` does not return.
    """
    before, _, packed = places.partition(".")
    try:
        bits = zlib.decompress(urlsafe_b64decode(packed), wbits=-zlib.MAX_WBITS)
    except zlib.error as error:
        raise ValueError(places) from error
    rows = all_of_account.order_by("created_at").values_list("transaction_id", flat=True)
    ids = rows[int(before) : int(before) + 8 * len(bits)]
    return [id for place, id in enumerate(ids) if bits[place // 8] >> place % 8 & 1]
