"""Creates the constraints and triggers of alerts."""

from django.db import migrations
from pgtrigger.migrations import AddTrigger

from ledger.db.triggers import FixedTrigger

TELL_OF_NEW_DEVICE = """
CREATE FUNCTION tell_of_new_device(sign_in uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    INSERT INTO alerts (id, owner_id, kind, about, detail, created_at, mail)
    SELECT md5(concat('alert ', choice.kind, ' ', choice.owner_id, ' ', it.id, ' '))::uuid,
           choice.owner_id, choice.kind, it.id, concat_ws(', ', it.device, nullif(it.place, '')),
           clock_timestamp(), 'off'
    FROM sign_ins AS it
    JOIN alert_choices AS choice ON choice.owner_id = it.user_id AND choice.kind = 'new_device'
    WHERE it.id = sign_in AND it.outcome = 'ok'
    ON CONFLICT (id) DO NOTHING
$$;
REVOKE ALL ON FUNCTION tell_of_new_device(uuid) FROM PUBLIC;
"""
STOP_ALERT_MAILS = """
CREATE FUNCTION stop_alert_mails(person uuid, alert_kind text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE alert_choices SET mail = 'off'
    WHERE owner_id = person AND CASE alert_kind WHEN '' THEN mail = 'daily'
                                                ELSE kind = alert_kind END;
    UPDATE alerts SET mail = 'off'
    WHERE owner_id = person AND mailed_at IS NULL
      AND CASE alert_kind WHEN '' THEN mail = 'daily' ELSE kind = alert_kind AND mail <> 'off' END
$$;
REVOKE ALL ON FUNCTION stop_alert_mails(uuid, text) FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0001_tables"),
        ("standing_orders", "0001_tables"),
        ("transactions", "0004_rules_of_audits"),
    ]

    operations = [
        migrations.CreateModel(
            name="AlertedTransaction",
            fields=[],
            options={"proxy": True, "default_permissions": ()},
            bases=("transactions.transaction",),
        ),
        migrations.CreateModel(
            name="AlertedOrder",
            fields=[],
            options={"proxy": True, "default_permissions": ()},
            bases=("standing_orders.standingorder",),
        ),
        migrations.CreateModel(
            name="AlertedOccurrence",
            fields=[],
            options={"proxy": True, "default_permissions": ()},
            bases=("standing_orders.occurrence",),
        ),
        AddTrigger(
            "alertedtransaction",
            FixedTrigger(
                name="told_people",
                kind="definer",
                table="transactions",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                declare="DECLARE one record;",
                func="""
                    IF NOT EXISTS (SELECT FROM alert_choices WHERE account_id IS NOT NULL) THEN
                        RETURN NULL;
                    END IF;
                    SELECT id, from_account_id, to_account_id, amount, status, from_balance,
                        to_balance,
                    EXISTS (SELECT FROM added OFFSET 1) AS has_more
                    INTO one FROM added LIMIT 1;
                    IF one.has_more THEN
                        EXECUTE $many$
                        INSERT INTO alerts
                        (id, owner_id, account_id, kind, about, amount, balance, created_at, mail)
                        SELECT md5(concat('alert ', choice.kind, ' ', choice.owner_id, ' ',
                            added.id, ' ', NULL::date))::uuid, choice.owner_id,
                        choice.account_id, choice.kind, added.id,
                        CASE choice.kind WHEN 'balance_below' THEN choice.amount ELSE added.amount
                            END,
                        side.balance, clock_timestamp(), choice.mail
                        FROM added
                        CROSS JOIN LATERAL (
                            VALUES (added.from_account_id, -added.amount, added.from_balance),
                            (added.to_account_id, added.amount, added.to_balance)
                        ) AS side (account_id, change, balance)
                        JOIN alert_choices AS choice ON choice.account_id = side.account_id JOIN
                            accounts ON accounts.id = choice.account_id AND accounts.user_id =
                            choice.owner_id
                        WHERE added.status = 'completed'
                        AND CASE choice.kind
                        WHEN 'money_in' THEN side.change > choice.amount
                        WHEN 'money_out' THEN -(side.change) > choice.amount
                        ELSE side.balance < choice.amount AND side.balance - (side.change) >=
                            choice.amount END
                        ON CONFLICT (id) DO NOTHING
                        $many$;
                    ELSIF one.id IS NOT NULL THEN
                        IF one.status = 'completed'
                        AND EXISTS (SELECT FROM alert_choices AS choice WHERE
                            choice.account_id = ANY (ARRAY[one.from_account_id, one.to_account_id])
                            AND CASE choice.kind
                            WHEN 'money_in' THEN CASE choice.account_id WHEN one.to_account_id THEN
                                one.amount ELSE -one.amount END > choice.amount
                            WHEN 'money_out' THEN -(CASE choice.account_id WHEN one.to_account_id
                                THEN one.amount ELSE -one.amount END) > choice.amount
                            ELSE CASE choice.account_id WHEN one.to_account_id THEN one.to_balance
                                ELSE one.from_balance END < choice.amount AND CASE choice.account_id
                                WHEN one.to_account_id THEN one.to_balance ELSE one.from_balance END
                                - (CASE choice.account_id WHEN one.to_account_id THEN one.amount
                                ELSE -one.amount END) >= choice.amount END
                        ) THEN
                            INSERT INTO alerts
                            (id, owner_id, account_id, kind, about, amount, balance, created_at,
                                mail)
                            SELECT md5(concat('alert ', choice.kind, ' ', choice.owner_id, ' ',
                                one.id, ' ', NULL::date))::uuid, choice.owner_id,
                            choice.account_id, choice.kind, one.id,
                            CASE choice.kind WHEN 'balance_below' THEN choice.amount ELSE one.amount
                                END,
                            CASE choice.account_id WHEN one.to_account_id THEN one.to_balance ELSE
                                one.from_balance END, clock_timestamp(), choice.mail
                            FROM alert_choices AS choice JOIN accounts ON accounts.id =
                                choice.account_id AND accounts.user_id = choice.owner_id
                            WHERE
                            choice.account_id = ANY (ARRAY[one.from_account_id, one.to_account_id])
                            AND CASE choice.kind
                            WHEN 'money_in' THEN CASE choice.account_id WHEN one.to_account_id THEN
                                one.amount ELSE -one.amount END > choice.amount
                            WHEN 'money_out' THEN -(CASE choice.account_id WHEN one.to_account_id
                                THEN one.amount ELSE -one.amount END) > choice.amount
                            ELSE CASE choice.account_id WHEN one.to_account_id THEN one.to_balance
                                ELSE one.from_balance END < choice.amount AND CASE choice.account_id
                                WHEN one.to_account_id THEN one.to_balance ELSE one.from_balance END
                                - (CASE choice.account_id WHEN one.to_account_id THEN one.amount
                                ELSE -one.amount END) >= choice.amount END
                            ON CONFLICT (id) DO NOTHING;
                        END IF;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "alertedorder",
            FixedTrigger(
                name="told_refusal",
                kind="definer",
                table="standing_orders",
                when="AFTER",
                operation='UPDATE OF "refused_at"',
                condition="WHEN (OLD.refused_at IS NULL AND NEW.refused_at IS NOT NULL)",
                func="""
                    INSERT INTO alerts
                    (id, owner_id, account_id, kind, about, day, amount, detail, created_at, mail)
                    SELECT md5(concat('alert ', choice.kind, ' ', choice.owner_id, ' ', it.id, ' ',
                        NEW.next_on))::uuid, choice.owner_id,
                    it.from_account_id, choice.kind, it.id, NEW.next_on, it.amount, NEW.refused_why,
                    clock_timestamp(), choice.mail
                    FROM standing_orders AS it
                    JOIN alert_choices AS choice
                    ON choice.owner_id = it.owner_id AND choice.kind = 'order_failed'
                    WHERE it.id = NEW.id
                    ON CONFLICT (id) DO NOTHING;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "alertedoccurrence",
            FixedTrigger(
                name="told_day",
                kind="definer",
                table="standing_order_days",
                when="AFTER",
                operation="INSERT",
                condition="WHEN (NEW.outcome = 'refused')",
                func="""
                    INSERT INTO alerts
                    (id, owner_id, account_id, kind, about, day, amount, detail, created_at, mail)
                    SELECT md5(concat('alert ', choice.kind, ' ', choice.owner_id, ' ', it.id, ' ',
                        NEW.due_on))::uuid, choice.owner_id,
                    it.from_account_id, choice.kind, it.id, NEW.due_on, it.amount, NEW.reason,
                    clock_timestamp(), choice.mail
                    FROM standing_orders AS it
                    JOIN alert_choices AS choice
                    ON choice.owner_id = it.owner_id AND choice.kind = 'order_failed'
                    WHERE it.id = NEW.order_id
                    ON CONFLICT (id) DO NOTHING;
                    RETURN NULL;
                """,
            ),
        ),
        migrations.RunSQL(TELL_OF_NEW_DEVICE, "DROP FUNCTION tell_of_new_device(uuid)"),
        migrations.RunSQL(STOP_ALERT_MAILS, "DROP FUNCTION stop_alert_mails(uuid, text)"),
    ]
