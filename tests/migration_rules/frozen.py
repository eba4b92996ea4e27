"""Migrations that are older than the rules, and why each may stay as it is.

A migration that a bank may have applied is never edited, so this list only becomes shorter: a test
refuses an entry for a migration that is newer than the rules.
"""

# The newest migration of each app when the rules were made.
NEWEST = {"accounts": 35, "transactions": 32, "ledger_db": 1}
EARLY = "older than the first release: no bank in use has to wait for it"
TOGETHER = (
    "its few rows, such as groups and a register, have to match the triggers that come with it"
)

FROZEN: dict[str, dict[str, str]] = {
    "accounts.0001_initial": {
        "one-key": "sign-in by email, payment by number; (id, currency) begins with the id",
    },
    "accounts.0003_user_name_search": {"index-concurrently": EARLY},
    "accounts.0004_person_and_account_words": {"index-concurrently": EARLY},
    "accounts.0007_currencies": {
        "one-key": "a reference table, and (code, minor_units) begins with its id",
        "rewrites": EARLY,
        "validate-later": EARLY,
        "rows-apart": TOGETHER,
    },
    "accounts.0009_password_is_long": {"old-code-works": EARLY},
    "accounts.0011_groups": {"rows-apart": TOGETHER},
    "accounts.0015_four_eyes": {
        "index-concurrently": EARLY,
        "no-deferrable": "a sum of one person and one day, on one server",
    },
    "accounts.0022_times_of_the_server": {"validate-later": EARLY},
    "accounts.0024_compare_rows_with_their_history": {"rows-apart": TOGETHER},
    "accounts.0025_rights_by_two": {
        "index-concurrently": EARLY,
        "validate-later": EARLY,
    },
    "accounts.0026_register_of_rows": {"rows-apart": TOGETHER},
    "accounts.0027_history_of_thresholds": {
        "old-code-works": EARLY,
        "rows-apart": TOGETHER,
    },
    "accounts.0032_digests_of_rows": {
        "no-sequences": "the order of a history, which a shard may keep by itself",
        "rows-apart": TOGETHER,
    },
    "transactions.0001_initial": {
        "one-key": "a hold and its captures debit the same account, so they are on one shard",
    },
    "transactions.0002_entries": {"validate-later": EARLY},
    "transactions.0004_staff_verbs": {
        "index-concurrently": EARLY,
        "one-key": "a reason stands beside its transaction, on one shard",
    },
    "transactions.0005_payment_files": {
        "one-key": "a file and its lines are of one account, on one shard",
    },
    "transactions.0006_audit_and_seals": {
        "one-key": "each shard seals its own days",
        "index-concurrently": EARLY,
    },
    "transactions.0007_names_repeats_and_reasons": {"validate-later": EARLY},
    "transactions.0008_newest_of_the_bank": {"index-concurrently": EARLY},
    "transactions.0010_names_asked": {
        "one-key": "within one person, who stands in a reference table",
    },
    "transactions.0011_readable_audits": {"validate-later": EARLY},
    "transactions.0012_annotations": {"one-key": "within one person and transaction, on its shard"},
    "transactions.0013_staff_reasons": {"old-code-works": EARLY},
    "transactions.0019_released_with_a_reason": {"rows-apart": TOGETHER},
    "transactions.0027_register_of_rows": {"rows-apart": TOGETHER},
    "transactions.0031_digests_of_rows": {"rows-apart": TOGETHER},
}
