"""Creates the constraints and triggers of events and webhooks."""

from django.db import migrations
from pgtrigger.migrations import AddTrigger

from ledger.db.triggers import FixedTrigger


class Migration(migrations.Migration):
    dependencies = [("events", "0001_tables"), ("transactions", "0004_rules_of_audits")]

    operations = [
        migrations.CreateModel(
            name="ToldTransaction",
            fields=[],
            options={"proxy": True, "default_permissions": ()},
            bases=("transactions.transaction",),
        ),
        migrations.CreateModel(
            name="ToldAccount",
            fields=[],
            options={"proxy": True, "default_permissions": ()},
            bases=("accounts.account",),
        ),
        migrations.CreateModel(
            name="ToldStatusChange",
            fields=[],
            options={"proxy": True, "default_permissions": ()},
            bases=("accounts.statuschange",),
        ),
        AddTrigger(
            "webhook",
            FixedTrigger(
                name="streams_follow_webhooks",
                kind="definer",
                table="webhooks",
                when="AFTER",
                operation='INSERT OR UPDATE OF "status"',
                declare="DECLARE listens boolean;",
                func="""
                    PERFORM FROM users WHERE id = NEW.owner_id FOR NO KEY UPDATE;
                    PERFORM FROM accounts WHERE user_id = NEW.owner_id ORDER BY id FOR NO KEY
                        UPDATE;
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
            ),
        ),
        AddTrigger(
            "toldtransaction",
            FixedTrigger(
                name="told_rows",
                kind="definer",
                table="transactions",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                declare="DECLARE is_heard boolean;",
                func="""
                    IF NOT EXISTS (SELECT FROM event_streams WHERE is_listened) THEN
                        RETURN NULL;
                    END IF;
                    IF (SELECT count(*) FROM (SELECT FROM added LIMIT 100 + 1) AS few) > 100 THEN
                        EXECUTE $many$SELECT (SELECT count(*) > 0 FROM added JOIN event_streams AS
                            stream ON stream.is_listened AND stream.account_id = from_account_id)
                        OR (SELECT count(*) > 0 FROM added JOIN event_streams AS stream ON
                            stream.is_listened AND stream.account_id = to_account_id)$many$ INTO
                            is_heard;
                    ELSE
                        is_heard := EXISTS (SELECT FROM added JOIN event_streams AS stream ON
                            stream.is_listened AND stream.account_id = from_account_id)
                        OR EXISTS (SELECT FROM added JOIN event_streams AS stream ON
                            stream.is_listened AND stream.account_id = to_account_id);
                    END IF;
                    IF is_heard THEN
                        WITH streams AS MATERIALIZED (
                            SELECT account_id, last_number FROM event_streams
                            JOIN (
                                SELECT from_account_id FROM added UNION SELECT to_account_id FROM
                                    added
                            ) AS side (id) ON side.id = account_id
                            WHERE is_listened ORDER BY account_id FOR NO KEY UPDATE OF event_streams
                        ), told AS MATERIALIZED (
                            SELECT added.id, CASE WHEN added.status = 'pending' THEN 'held'
                            WHEN added.captures_id IS NOT NULL THEN 'captured'
                            WHEN added.reverses_id IS NOT NULL THEN 'reversed'
                            ELSE 'posted' END AS kind, added.created_at AS at, side.place,
                                side.account_id,
                            streams.last_number + row_number() OVER (
                                PARTITION BY side.account_id ORDER BY added.created_at, added.id
                            ) AS number
                            FROM added
                            CROSS JOIN LATERAL (
                                VALUES (1, added.from_account_id), (2, added.to_account_id)
                            ) AS side (place, account_id)
                            JOIN streams ON streams.account_id = side.account_id
                        ), counted AS (
                            UPDATE event_streams SET last_number = latest.number
                            FROM (SELECT account_id, max(number) AS number FROM told GROUP BY
                                account_id) AS latest
                            WHERE event_streams.account_id = latest.account_id
                        )
                        INSERT INTO events
                        (account_id, number, other_account_id, other_number, kind, transaction_id,
                            at)
                        SELECT (array_agg(account_id ORDER BY place))[1], (array_agg(number ORDER BY
                            place))[1],
                        (array_agg(account_id ORDER BY place))[2], (array_agg(number ORDER BY
                            place))[2],
                        min(kind), id, min(at)
                        FROM told GROUP BY id;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "toldtransaction",
            FixedTrigger(
                name="told_releases",
                kind="definer",
                table="transactions",
                when="AFTER",
                operation="UPDATE",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS changed",
                func="""
                    IF NOT EXISTS (SELECT FROM event_streams WHERE is_listened) OR NOT EXISTS
                        (SELECT FROM changed WHERE status = 'voided') THEN
                        RETURN NULL;
                    END IF;
                    WITH released AS (SELECT * FROM changed WHERE status = 'voided'),
                    streams AS MATERIALIZED (
                        SELECT account_id, last_number FROM event_streams
                        JOIN (
                            SELECT from_account_id FROM released UNION SELECT to_account_id FROM
                                released
                        ) AS side (id) ON side.id = account_id
                        WHERE is_listened ORDER BY account_id FOR NO KEY UPDATE OF event_streams
                    ), told AS MATERIALIZED (
                        SELECT released.id, 'voided' AS kind, clock_timestamp() AS at, side.place,
                            side.account_id,
                        streams.last_number + row_number() OVER (
                            PARTITION BY side.account_id ORDER BY released.created_at, released.id
                        ) AS number
                        FROM released
                        CROSS JOIN LATERAL (
                            VALUES (1, released.from_account_id), (2, released.to_account_id)
                        ) AS side (place, account_id)
                        JOIN streams ON streams.account_id = side.account_id
                    ), counted AS (
                        UPDATE event_streams SET last_number = latest.number
                        FROM (SELECT account_id, max(number) AS number FROM told GROUP BY
                            account_id) AS latest
                        WHERE event_streams.account_id = latest.account_id
                    )
                    INSERT INTO events
                    (account_id, number, other_account_id, other_number, kind, transaction_id, at)
                    SELECT (array_agg(account_id ORDER BY place))[1], (array_agg(number ORDER BY
                        place))[1],
                    (array_agg(account_id ORDER BY place))[2], (array_agg(number ORDER BY
                        place))[2],
                    min(kind), id, min(at)
                    FROM told GROUP BY id;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "toldaccount",
            FixedTrigger(
                name="told_opening",
                kind="definer",
                table="accounts",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                func="""
                    PERFORM FROM users WHERE id IN (SELECT user_id FROM added) ORDER BY id FOR
                        SHARE;
                    IF NOT EXISTS (SELECT FROM added JOIN webhooks ON webhooks.owner_id =
                        added.user_id AND webhooks.status = 'active') THEN
                        RETURN NULL;
                    END IF;
                    INSERT INTO event_streams (account_id, last_number, is_listened)
                    SELECT id, 1, true FROM added WHERE EXISTS (SELECT FROM webhooks WHERE
                        webhooks.owner_id = added.user_id AND webhooks.status = 'active');
                    INSERT INTO webhook_queues (webhook_id, account_id, position, attempts)
                    SELECT webhooks.id, added.id, 0, 0 FROM added JOIN webhooks ON webhooks.owner_id
                        = added.user_id AND webhooks.status = 'active';
                    INSERT INTO events (account_id, number, kind, at)
                    SELECT id, 1, 'account.opened', created_at
                    FROM added WHERE EXISTS (SELECT FROM webhooks WHERE webhooks.owner_id =
                        added.user_id AND webhooks.status = 'active');
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "toldstatuschange",
            FixedTrigger(
                name="told_status",
                kind="definer",
                table="account_status_changes",
                when="AFTER",
                operation="INSERT",
                declare="DECLARE latest bigint;",
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
            ),
        ),
    ]
