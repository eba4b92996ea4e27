"""Creates the view `entries`, and the database function that sums the payments of a person."""

from django.contrib.postgres.search import SearchVectorField
from django.db import migrations, models

from accounts.models.fields import MoneyField

# The view is a plain UNION ALL without a WHERE in its branches. So Postgres merges the two indexes
# and stops after the last row of a page. With a WHERE in a branch, Postgres would read and sort all
# entries of an account.
ENTRIES = """
CREATE VIEW entries AS
SELECT id AS transaction_id, from_account_id AS account_id, to_account_id AS counterparty_id,
       'debit'::text AS direction, amount, -amount AS signed_amount, from_balance AS balance,
       currency, type, status, description, reference, metadata, category,
       created_at, value_date, captures_id, reverses_id, search
FROM transactions
UNION ALL
SELECT id, to_account_id, from_account_id,
       'credit'::text, amount, amount, to_balance,
       currency, type, status, description, reference, metadata, category,
       created_at, value_date, captures_id, reverses_id, search
FROM transactions;
COMMENT ON VIEW entries IS 'One row per side of every transaction';
"""

# VOLATILE: each statement of the function has a new snapshot, so the sum includes payments that
# were booked while the function waited. See Note [Splitting] in
# `transactions.safeguards.confirmation`.
PAID_TO_OTHERS = """
CREATE FUNCTION paid_to_others(person uuid, of_currency text, since timestamptz, locks boolean)
RETURNS numeric LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    own uuid[];
BEGIN
    IF locks THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('payments of ' || person, 0));
    END IF;
    own := ARRAY(SELECT id FROM accounts WHERE user_id = person);
    RETURN (
        SELECT coalesce(sum(amount), 0) FROM transactions
        WHERE from_account_id = ANY (own) AND created_at >= since
          AND NOT to_account_id = ANY (own) AND created_by_id = person
          AND currency = of_currency AND type = 'transfer' AND status = 'completed'
    );
END $$;
COMMENT ON FUNCTION paid_to_others IS 'What a person sent to others since a time, for the step-up';
"""
# Ids and booking times are inserted in order. So the tenth of each page that Postgres reserves for
# keys in between would stay empty. A fillfactor of 100 saves 5 bytes per transfer.
GROW_AT_THEIR_END = ("transactions_pkey", "transactions_newest")


class Migration(migrations.Migration):
    dependencies = [("transactions", "0001_tables")]

    operations = [
        migrations.CreateModel(
            name="Entry",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "transaction_id",
                        "direction",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("direction", models.TextField(choices=[("debit", "Out"), ("credit", "In")])),
                ("amount", MoneyField(decimal_places=4, max_digits=19)),
                ("signed_amount", MoneyField(decimal_places=4, max_digits=19)),
                ("balance", MoneyField(decimal_places=4, max_digits=19, null=True)),
                ("currency", models.CharField(max_length=3)),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("transfer", "Transfer"),
                            ("deposit", "Deposit"),
                            ("withdrawal", "Withdrawal"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("completed", "Completed"),
                            ("captured", "Captured"),
                            ("voided", "Voided"),
                        ],
                        max_length=10,
                    ),
                ),
                ("description", models.CharField(max_length=500)),
                ("reference", models.CharField(max_length=140)),
                ("metadata", models.JSONField()),
                ("category", models.TextField(null=True)),
                ("created_at", models.DateTimeField()),
                ("value_date", models.DateField()),
                ("search", SearchVectorField()),
            ],
            options={"db_table": "entries", "managed": False},
        ),
        migrations.RunSQL(ENTRIES, "DROP VIEW entries"),
        migrations.RunSQL(PAID_TO_OTHERS, "DROP FUNCTION paid_to_others"),
        *(
            migrations.RunSQL(
                f"ALTER INDEX {index} SET (fillfactor = 100)",
                f"ALTER INDEX {index} RESET (fillfactor)",
            )
            for index in GROW_AT_THEIR_END
        ),
    ]
