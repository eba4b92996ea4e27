"""The foreign keys, with one currency on both sides; and the view `entries`."""

from django.db import migrations

# Composite for the sides, so that a transfer between two currencies cannot exist; none is
# deferrable, so that a refusal comes at its row and not at COMMIT.
FOREIGN_KEYS = {
    "from_account_same_currency": "(from_account_id, currency) REFERENCES accounts (id, currency)",
    "to_account_same_currency": "(to_account_id, currency) REFERENCES accounts (id, currency)",
    "captured_hold_exists": "(captures_id) REFERENCES transactions (id)",
    "reversed_original_exists": "(reverses_id) REFERENCES transactions (id)",
    "created_by_exists": "(created_by_id) REFERENCES users (id)",
}
ADD = [
    f"ALTER TABLE transactions ADD CONSTRAINT {name} FOREIGN KEY {columns}"
    for name, columns in FOREIGN_KEYS.items()
]
DROP = [f"ALTER TABLE transactions DROP CONSTRAINT {name}" for name in FOREIGN_KEYS]

# A bare UNION ALL: with a WHERE inside a branch Postgres reads and sorts an account's whole
# history; without, it merges the two indexes and stops at the page's last line.
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


class Migration(migrations.Migration):
    dependencies = [("transactions", "0001_initial")]
    operations = [
        migrations.RunSQL(ADD, DROP),
        migrations.RunSQL(ENTRIES, "DROP VIEW entries"),
    ]
