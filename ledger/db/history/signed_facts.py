"""The signature of the facts of a write, and its key in the database.

Note [Signed facts]: injected SQL could forge a plain setting. So the setting of the facts is "end
signature facts": the time when it expires (seconds since 1970), an HMAC-SHA256 over this time and
the facts, and the facts as JSON. The key is derived from SECRET_KEY. The owner of the tables stores
it in `fact_keys`, where the web role cannot read it. Triggers call the function `told_facts`, which
returns the facts and whether they are `proved`: signed with one of the keys, and not expired.

The setting is sent as a bound value, so `pg_stat_activity` does not show it. Injected SQL could
send the setting of the current request again, but that setting names the same person and page. The
comment on `fact_keys` contains a fingerprint of each key. With it, a web process notices that the
database has a different key.
"""

import hashlib
import hmac
import time

import psycopg
from django.db import connection
from django.db import transaction as db_transaction

from ledger.db.secret_key.signing_keys import derived_keys, store_pads

LIFETIME = 300  # seconds: longer than a write waits, plus a margin for clocks that differ
PREPARE = "run manage.py prepare with the same settings."


def keys() -> list[bytes]:
    """Returns the keys of facts. The first key signs."""
    return derived_keys(b"ledger facts of a write")


def signed(facts: str, *, key: bytes | None = None, expires: int | None = None) -> str:
    """Returns the text of the setting for these facts, which are a JSON object."""
    ends = int(time.time()) + LIFETIME if expires is None else expires
    signature = hmac.digest(key or keys()[0], f"{ends} {facts}".encode(), "sha256").hex()
    return f"{ends} {signature} {facts}"


def store_keys() -> None:
    """Stores the keys of this SECRET_KEY, as the owner of the tables."""
    with db_transaction.atomic(), connection.cursor() as cursor:
        if store_pads(cursor, "fact_keys", keys()):
            marks = " ".join(_fingerprint(key) for key in keys())
            cursor.execute(f"COMMENT ON TABLE fact_keys IS 'Keys of signed facts: {marks}'")


def problem_with(found: psycopg.Connection) -> str | None:
    """Returns a message if the history would not accept this process's facts; otherwise None."""
    row = found.execute("SELECT obj_description(to_regclass('fact_keys'), 'pg_class')").fetchone()
    marks = (row[0] or "").split() if row else []
    if _fingerprint(keys()[0]) in marks:
        return None
    return f"The database lacks the key with which the history checks who wrote a row: {PREPARE}"


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(b"fingerprint" + key).hexdigest()[:16]
