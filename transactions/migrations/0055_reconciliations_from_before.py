from django.db import migrations

# What two people had signed before the register, as it stands now.
REGISTER = """
    INSERT INTO row_register (table_name, row_id, registered_at, digest)
    SELECT 'reconciliations', one.id::text, one.countersigned_at, sha256(convert_to(json_build_array(one.id, one.account_id, one.format, one.digest, one.currency, one.first_on, one.last_on, one.opening, one.closing, one.line_count, one.unbooked_count, one.created_by_id, one.signed_by_id, one.countersigned_by_id, one.created_at AT TIME ZONE 'UTC', one.signed_at AT TIME ZONE 'UTC', one.countersigned_at AT TIME ZONE 'UTC', (
        SELECT json_agg(json_build_array(line.id, line.number, line.booked_on, line.amount,
                                         line.leftover <> '') ORDER BY line.number, line.id)
        FROM reconciliation_lines AS line WHERE line.reconciliation_id = one.id
    ), (
        SELECT json_agg(json_build_array(
            match.id, match.line_id, match.transaction_id, match.account_id, match.amount,
            match.is_sure, match.created_by_id, match.created_at AT TIME ZONE 'UTC'
        ) ORDER BY match.id)
        FROM reconciliation_matches AS match
        JOIN reconciliation_lines AS line ON line.id = match.line_id
        WHERE line.reconciliation_id = one.id
    ))::text, 'UTF8'))
    FROM reconciliations AS one
    WHERE one.countersigned_by_id IS NOT NULL
    ON CONFLICT DO NOTHING;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("transactions", "0054_registered_reconciliations"),
    ]

    operations = [
        migrations.RunSQL(REGISTER, migrations.RunSQL.noop),
    ]
