"""The SQL expressions with which the database calculates the digest of a statement.
docs/statements.md also describes the digest.
"""

from transactions.audit.digest import utc

# One row of the view `entries`, with the values that the account holder can see.
ENTRY_TEXT = f"""json_build_array(
    transaction_id, direction, amount, balance, currency, type, description, reference,
    counterparty_id, captures_id, reverses_id, {utc("created_at")},
    to_char(value_date, 'YYYY-MM-DD'))::text"""
ENTRY_DIGEST = f"sha256(convert_to({ENTRY_TEXT}, 'UTF8'))"


def statement_digest(rows: str) -> str:
    """Returns a SQL expression for the digest of the row `statement` of `monthly_statements`. The
    query must also contain the rows `account` and `seal` of the statement. `rows` is the SQL
    expression for the SHA-256 of the statement's entries.
    """
    amounts = ("opening", "money_in", "money_out", "closing")
    texts = ", ".join(f"to_json(statement.{amount}::text)" for amount in amounts)
    return f"""sha256(convert_to(concat_ws(
        ',', '["ledger statement"', statement.version, to_json(account.number),
        to_json(account.currency), statement.number, to_json({utc("statement.starts_at")}),
        to_json({utc("statement.ends_at")}), {texts}, statement.entry_count, seal.number,
        to_json(encode(seal.digest, 'hex')), to_json(encode({rows}, 'hex'))) || ']', 'UTF8'))"""
