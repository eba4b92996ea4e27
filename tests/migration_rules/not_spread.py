"""What cannot be spread over machines, and why it may stay so: see docs/scaling.md."""

# By the name of the constraint, the trigger or the column. No other rule has exceptions.
REASONS = {
    "User.email": "sign-in by email; people stand in a reference table",
    "Account.number": "payment by number",
    "account_id_currency_unique": "begins with the id",
    "currency_minor_units_unique": "a reference table; begins with its id",
    "RowRevision.number": "the order of a history, which a shard may keep by itself",
    "sum_within_threshold": "a sum of one person and one day, on one server",
    "hold_captured_once": "a hold and its captures debit the same account, on one shard",
    "names_asked_once_a_day": "within one person, who stands in a reference table",
    "Seal.starts_at": "each shard seals its own days",
    "Seal.ends_at": "each shard seals its own days",
    "note_once_per_transaction_and_action": "stands beside its transaction, on one shard",
    "annotation_moments_differ": "within one person and transaction, on its shard",
    "payment_line_once": "a file and its lines are of one account, on one shard",
}
RULES = {"one-key", "no-sequences", "no-deferrable"}
