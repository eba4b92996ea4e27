"""The SQL of the text that the digest of a statement covers. docs/statements.md describes it
too.
"""

from transactions.audit.digest import utc

# One row of the view `entries`, as the holder of its account sees it.
ENTRY_TEXT = f"""json_build_array(
    transaction_id, direction, amount, balance, currency, type, description, reference,
    counterparty_id, captures_id, reverses_id, {utc("created_at")},
    to_char(value_date, 'YYYY-MM-DD'))::text"""
ENTRY_DIGEST = f"sha256(convert_to({ENTRY_TEXT}, 'UTF8'))"


def statement_digest(rows: str) -> str:
    """Returns the SQL of the digest of a row `statement` of `monthly_statements` with its `account`
    and `seal`. `rows` is the SQL of the SHA-256 of its rows.
    """
    amounts = ("opening", "money_in", "money_out", "closing")
    texts = ", ".join(f"to_json(statement.{amount}::text)" for amount in amounts)
    return f"""sha256(convert_to(concat_ws(
        ',', '["ledger statement"', statement.version, to_json(account.number),
        to_json(account.currency), statement.number, to_json({utc("statement.starts_at")}),
        to_json({utc("statement.ends_at")}), {texts}, statement.entry_count, seal.number,
        to_json(encode(seal.digest, 'hex')), to_json(encode({rows}, 'hex'))) || ']', 'UTF8'))"""
