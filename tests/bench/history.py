"""A bank with a long history, created by INSERT ... SELECT. The audit finds no errors in it.

Note [Generated chain]: each account has one payment per round. In even rounds, accounts with even
numbers pay accounts with odd numbers. In the next round, they get the same amounts back. So each
balance is the initial balance, or one payment more or less, and a row does not depend on the
previous row.
"""

from tests.bench.bank import open_accounts
from tests.bench.results import report_progress
from tests.bench.samples import ACCOUNT_ID_SQL, WORDS
from tests.bench.servers import admin

ENTRIES_EACH = 2_000  # number of entries per account, at any size of the bank
ACCOUNTS_EACH = 3  # number of accounts per person
DAYS = 3 * 365  # days since the first payment
OPENING = 10_000
SLICE = 500_000  # number of rows per INSERT

COLUMNS = (
    "id, from_account_id, to_account_id, amount, currency, type, status, description, reference, "
    "metadata, created_at, value_date, from_balance, to_balance"
)
# A UUIDv7 from its parts, because Postgres 16 cannot create it: the time, and digits from the row's
# number.
ROW_ID = """
(lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
 || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid
"""
DEPOSITS = f"""
INSERT INTO transactions ({COLUMNS})
SELECT {ROW_ID}, NULL, {ACCOUNT_ID_SQL.format("-n")}, %(opening)s, 'USD', 'deposit', 'completed',
       'Opening', '', '{{}}', at, at::date, NULL, %(opening)s
FROM (SELECT -n AS n, now() - %(days)s * interval '1 day' - n * interval '1 second' AS at
      FROM generate_series(1, %(accounts)s) AS n) AS opening
"""
PAYMENTS = f"""
INSERT INTO transactions ({COLUMNS})
SELECT {ROW_ID}, {ACCOUNT_ID_SQL.format("CASE WHEN out THEN even ELSE odd END")},
       {ACCOUNT_ID_SQL.format("CASE WHEN out THEN odd ELSE even END")},
       paid, 'USD', 'transfer', 'completed', word || ' ' || n, '',
       CASE WHEN n %% 4 = 0 THEN jsonb_build_object('category', lower(word)) ELSE '{{}}' END,
       at, at::date,
       %(opening)s - CASE WHEN out THEN paid ELSE 0 END,
       %(opening)s + CASE WHEN out THEN paid ELSE 0 END
FROM (
    SELECT n, (n / half) %% 2 = 0 AS out,
           2 * (n %% half) + 2 AS even,
           2 * ((n %% half + n / half / 2) %% half) + 1 AS odd,
           1 + (n / half / 2 * 37 + n %% half * 11) %% 500 AS paid,
           (%(words)s::text[])[1 + (n * 7919 / 13) %% array_length(%(words)s::text[], 1)] AS word,
           now() - (1 - n::float / %(payments)s) * %(days)s * interval '24 hours' AS at
    FROM (SELECT n::bigint AS n, %(accounts)s / 2 AS half
          FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n) AS numbered
) AS payment
"""
BALANCES = """
UPDATE accounts SET balance = last.balance, last_entry_at = last.created_at
FROM accounts AS mine CROSS JOIN LATERAL (
    SELECT balance, created_at FROM entries WHERE account_id = mine.id
    ORDER BY created_at DESC LIMIT 1
) AS last
WHERE accounts.id = mine.id
"""


def accounts_for(transactions: int) -> int:
    """Returns an even number of accounts, each with ENTRIES_EACH entries."""
    return max(4, 2 * transactions // ENTRIES_EACH // 2 * 2)


def fill(database: str, transactions: int) -> None:
    """Inserts the rows while triggers and foreign keys are off for this session."""
    accounts = accounts_for(transactions)
    open_accounts(accounts, holders=accounts // ACCOUNTS_EACH + 1)
    payments = transactions - accounts
    facts = {"days": DAYS, "opening": OPENING, "accounts": accounts, "payments": payments}
    with admin(database) as server:
        server.execute("SET session_replication_role = replica")
        with server.transaction():  # all rows have the same now()
            server.execute(DEPOSITS, facts)
            for first in range(0, payments, SLICE):
                report_progress(f"a history of {transactions:,}: {first:,} payments so far")
                last = min(first + SLICE, payments) - 1
                server.execute(
                    PAYMENTS, {**facts, "words": list(WORDS), "first": first, "last": last}
                )
        server.execute("VACUUM ANALYZE transactions")
        server.execute(BALANCES)
        server.execute("VACUUM ANALYZE accounts, users")
        server.execute("CHECKPOINT")
