from django.db import migrations

# A release of a hold could set the number below that of an event that was already written. From
# then on the account could be paid, frozen or closed no more.
RAISE = """
    UPDATE event_streams SET last_number = highest.number
    FROM (
        SELECT account_id, max(number) AS number
        FROM (
            SELECT account_id, number FROM events
            UNION ALL
            SELECT other_account_id, other_number FROM events WHERE other_account_id IS NOT NULL
        ) AS numbered
        GROUP BY account_id
    ) AS highest
    WHERE event_streams.account_id = highest.account_id
      AND event_streams.last_number < highest.number;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("transactions", "0062_streams_are_locked_first"),
    ]

    operations = [
        migrations.RunSQL(RAISE, migrations.RunSQL.noop),
    ]
