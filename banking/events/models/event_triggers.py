"""The triggers that write events. See Note [Events].

Triggers run in the order of their names. These triggers run after the triggers that lock the
accounts. They have the rights of the tables' owner, so the web role can neither write events nor
change numbers.

Note [Lock of a stream]: the release of a hold locks only the paying account, so the lock of an
account does not protect the number of its stream. Therefore each trigger first locks people and
accounts, and then locks the streams in the order of their accounts. The trigger uses the numbers in
the locked rows, because a number that was read before the rows were locked may be outdated.

A database transaction with several SQL statements may lock streams in another order. Such a
transaction has already locked the accounts of the streams, so it can wait only for releases of
holds. The release of a hold locks only one stream of another account, the stream of the recipient.
It waits for no other lock. So there is no deadlock.
"""

import pgtrigger

from ledger.db.triggers import FirmTrigger

FEW = 100  # maximum number of rows for the first plan

_NOBODY_LISTENS = "NOT EXISTS (SELECT FROM event_streams WHERE is_listened)"


_LISTENED = "FROM added JOIN event_streams AS stream ON stream.is_listened AND stream.account_id ="
# For one payment, this query uses the index. For many rows, the second query counts the matches.
# With EXISTS, Postgres would expect an early match and loop over all pairs, but usually no row
# matches.
_IS_FEW_LISTENED = f"""EXISTS (SELECT {_LISTENED} from_account_id)
               OR EXISTS (SELECT {_LISTENED} to_account_id)"""
_IS_MANY_LISTENED = f"""(SELECT count(*) > 0 {_LISTENED} from_account_id)
               OR (SELECT count(*) > 0 {_LISTENED} to_account_id)"""


def _write_events(rows: str, kind: str, at: str) -> str:
    """Returns PL/pgSQL that writes an event for each row of `rows` (rows of `transactions`). The
    event gets the next number of each account that has an active webhook: see Note [Lock of a
    stream]. `kind` and `at` are SQL expressions for the kind and the time of the event.
    """
    return f"""
        WITH streams AS MATERIALIZED (
            SELECT account_id, last_number FROM event_streams
            JOIN (
                SELECT from_account_id FROM {rows} UNION SELECT to_account_id FROM {rows}
            ) AS side (id) ON side.id = account_id
            WHERE is_listened ORDER BY account_id FOR NO KEY UPDATE OF event_streams
        ), told AS MATERIALIZED (
            SELECT {rows}.id, {kind} AS kind, {at} AS at, side.place, side.account_id,
                   streams.last_number + row_number() OVER (
                       PARTITION BY side.account_id ORDER BY {rows}.created_at, {rows}.id
                   ) AS number
            FROM {rows}
            CROSS JOIN LATERAL (
                VALUES (1, {rows}.from_account_id), (2, {rows}.to_account_id)
            ) AS side (place, account_id)
            JOIN streams ON streams.account_id = side.account_id
        ), counted AS (
            UPDATE event_streams SET last_number = latest.number
            FROM (SELECT account_id, max(number) AS number FROM told GROUP BY account_id) AS latest
            WHERE event_streams.account_id = latest.account_id
        )
        INSERT INTO events
            (account_id, number, other_account_id, other_number, kind, transaction_id, at)
        SELECT (array_agg(account_id ORDER BY place))[1], (array_agg(number ORDER BY place))[1],
               (array_agg(account_id ORDER BY place))[2], (array_agg(number ORDER BY place))[2],
               min(kind), id, min(at)
        FROM told GROUP BY id;
    """


_KIND = """CASE WHEN added.status = 'pending' THEN 'held'
                WHEN added.captures_id IS NOT NULL THEN 'captured'
                WHEN added.reverses_id IS NOT NULL THEN 'reversed'
                ELSE 'posted' END"""

# For more than FEW rows, Postgres plans the query for the actual number of rows. The plan for one
# payment would look up each account of a batch in the index.
PAYMENTS_WRITE_EVENTS = FirmTrigger(
    name="told_rows",
    level=pgtrigger.Statement,
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
    definer=True,
    declare=[("is_heard", "boolean")],
    func=f"""
        IF {_NOBODY_LISTENS} THEN
            RETURN NULL;
        END IF;
        IF (SELECT count(*) FROM (SELECT FROM added LIMIT {FEW} + 1) AS few) > {FEW} THEN
            EXECUTE $many$SELECT {_IS_MANY_LISTENED}$many$ INTO is_heard;
        ELSE
            is_heard := {_IS_FEW_LISTENED};
        END IF;
        IF is_heard THEN
            {_write_events("added", _KIND, "added.created_at")}
        END IF;
        RETURN NULL;
    """,
)

# Other changes of a row are not events. For example, the row of a capture has its own event.
RELEASES_WRITE_EVENTS = FirmTrigger(
    name="told_releases",
    level=pgtrigger.Statement,
    when=pgtrigger.After,
    operation=pgtrigger.Update,
    referencing=pgtrigger.Referencing(new="changed"),  # type: ignore[no-untyped-call]
    definer=True,
    func=f"""
        IF {_NOBODY_LISTENS} OR NOT EXISTS (SELECT FROM changed WHERE status = 'voided') THEN
            RETURN NULL;
        END IF;
        WITH released AS (SELECT * FROM changed WHERE status = 'voided'),
        {_write_events("released", "'voided'", "clock_timestamp()").strip().removeprefix("WITH ")}
        RETURN NULL;
    """,
)

_LISTENER = "webhooks.owner_id = added.user_id AND webhooks.status = 'active'"
# The lock prevents the opening of an account while a webhook is registered.
OPENING_WRITES_EVENT = FirmTrigger(
    name="told_opening",
    level=pgtrigger.Statement,
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
    definer=True,
    func=f"""
        PERFORM FROM users WHERE id IN (SELECT user_id FROM added) ORDER BY id FOR SHARE;
        IF NOT EXISTS (SELECT FROM added JOIN webhooks ON {_LISTENER}) THEN
            RETURN NULL;
        END IF;
        INSERT INTO event_streams (account_id, last_number, is_listened)
        SELECT id, 1, true FROM added WHERE EXISTS (SELECT FROM webhooks WHERE {_LISTENER});
        INSERT INTO webhook_queues (webhook_id, account_id, position, attempts)
        SELECT webhooks.id, added.id, 0, 0 FROM added JOIN webhooks ON {_LISTENER};
        INSERT INTO events (account_id, number, kind, at)
        SELECT id, 1, 'account.opened', created_at
        FROM added WHERE EXISTS (SELECT FROM webhooks WHERE {_LISTENER});
        RETURN NULL;
    """,
)

STATUS_WRITES_EVENT = FirmTrigger(
    name="told_status",
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    definer=True,
    declare=[("latest", "bigint")],
    func="""
        UPDATE event_streams SET last_number = last_number + 1
        WHERE account_id = NEW.account_id AND is_listened
        RETURNING last_number INTO latest;
        IF latest IS NOT NULL THEN
            INSERT INTO events (account_id, number, kind, at)
            VALUES (NEW.account_id, latest, 'account.' || CASE NEW.to_status
                        WHEN 'active' THEN 'unfrozen' ELSE NEW.to_status END, NEW.created_at);
        END IF;
        RETURN NULL;
    """,
)

# Note [Who listens]: events of an account are recorded while its holder has an active webhook. The
# trigger first locks the person, so that no account is opened in the meantime. Then the trigger
# locks the accounts, so that each later payment has an event. This is the order of Note [Lock of a
# person]. Payments do not lock the person, and the foreign keys of payments do not wait for this
# lock.
STREAMS_FOLLOW_WEBHOOKS = FirmTrigger(
    name="streams_follow_webhooks",
    when=pgtrigger.After,
    operation=pgtrigger.Insert | pgtrigger.UpdateOf("status"),  # type: ignore[no-untyped-call]
    definer=True,
    declare=[("listens", "boolean")],
    func="""
        PERFORM FROM users WHERE id = NEW.owner_id FOR NO KEY UPDATE;
        PERFORM FROM accounts WHERE user_id = NEW.owner_id ORDER BY id FOR NO KEY UPDATE;
        listens := EXISTS (
            SELECT FROM webhooks WHERE owner_id = NEW.owner_id AND status = 'active'
        );
        INSERT INTO event_streams (account_id, last_number, is_listened)
        SELECT id, 0, listens FROM accounts WHERE user_id = NEW.owner_id ORDER BY id
        ON CONFLICT (account_id) DO UPDATE SET is_listened = excluded.is_listened
        WHERE event_streams.is_listened <> excluded.is_listened;
        INSERT INTO webhook_queues (webhook_id, account_id, position, attempts)
        SELECT NEW.id, account_id, last_number, 0 FROM event_streams
        WHERE NEW.status = 'active'
          AND account_id IN (SELECT id FROM accounts WHERE user_id = NEW.owner_id)
        ON CONFLICT DO NOTHING;
        IF TG_OP = 'UPDATE' AND NEW.status = 'active' THEN
            UPDATE webhooks SET paused_until = NULL WHERE id = NEW.id;
            UPDATE webhook_queues SET next_at = NULL, failing_since = NULL, attempts = 0
            WHERE webhook_id = NEW.id;
        END IF;
        RETURN NULL;
    """,
)
