"""The triggers that write events: see Note [Events].

Each of them runs after the triggers that lock the accounts, because triggers run in the order of
their names. They run with the rights of the tables' owner, so the web role can neither write events
nor change numbers.

Note [Lock of a stream]: the release of a hold locks only the account that pays, so the lock of an
account does not protect the number of its stream. Each trigger therefore locks the streams, in the
order of their accounts, after people and accounts. It continues from the numbers that the locked
rows return, because a number that was read before a wait is outdated.

A database transaction of several statements may lock streams out of order. It has locked their
accounts, so it can wait only for releases of holds. Such a release locks one stream of another
account, the recipient's, and waits for no other lock, so there is no deadlock.
"""

import pgtrigger

from ledger.db.triggers import FirmTrigger

FEW = 100  # rows

_NOBODY_LISTENS = "NOT EXISTS (SELECT FROM event_streams WHERE is_listened)"


_LISTENED = "FROM added JOIN event_streams AS stream ON stream.is_listened AND stream.account_id ="
# For one payment, by the index. For many rows, by counting: with EXISTS Postgres would plan for the
# first match, with a loop over all pairs, and usually there is no match.
_IS_FEW_LISTENED = f"""EXISTS (SELECT {_LISTENED} from_account_id)
               OR EXISTS (SELECT {_LISTENED} to_account_id)"""
_IS_MANY_LISTENED = f"""(SELECT count(*) > 0 {_LISTENED} from_account_id)
               OR (SELECT count(*) > 0 {_LISTENED} to_account_id)"""


def _write_events(rows: str, kind: str, at: str) -> str:
    """Returns PL/pgSQL that writes an event of this kind and time for each of these rows of
    `transactions`, and increases the numbers of their streams: Note [Lock of a stream].
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

# For more than a few rows the query is planned for their number. The plan for one payment would
# look each side of a batch up in the index.
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

# Other changes of a row are no events: the row of a capture has its own event.
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
# The lock serializes the opening of an account and the registration of a webhook.
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
# person is locked first, so that no account is opened in the meantime. Then the accounts are
# locked, so that each later payment has an event. This is the order of Note [Lock of a person].
# Payments lock no person, and their foreign keys do not wait for this lock.
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
