"""Attempts on the books themselves: rows that never were, rows that change, rows that go."""

from cookbook.lab.attempts.attempt import FOREIGN_KEY, UNIQUE, Attempt, ValidRow
from cookbook.lab.attempts.seals import SEAL

PAYMENT = ValidRow(
    "transactions",
    "a payment",
    {
        "id": "gen_random_uuid()",
        "from_account_id": "ana.id",
        "to_account_id": "mara.id",
        "amount": "100",
        "currency": "'USD'",
        "type": "'transfer'",
        "status": "'completed'",
        "description": "'Rent'",
        "reference": "''",
        "metadata": "'{}'",
        "created_at": "clock_timestamp()",
        "value_date": "CURRENT_DATE",
        "from_balance": "ana.balance - 100",
        "to_balance": "mara.balance + 100",
        "captures_id": "NULL",
        "reverses_id": "NULL",
        "expires_at": "NULL",
        "created_by_id": "NULL",
    },
    ("ana", "mara"),
    nullable=frozenset(
        "from_account_id to_account_id from_balance to_balance captures_id reverses_id expires_at"
        " created_by_id".split()
    ),
)
WITHDRAWAL = ValidRow(
    "transactions",
    "a withdrawal",
    {**PAYMENT.values, "to_account_id": "NULL", "type": "'withdrawal'", "to_balance": "NULL"},
    ("ana",),
)
HOLD = ValidRow(
    "transactions",
    "a hold",
    {**WITHDRAWAL.values, "status": "'pending'", "from_balance": "NULL"},
    ("ana",),
)
CAPTURE = ValidRow(
    "transactions",
    "a capture",
    {
        **WITHDRAWAL.values,
        "from_account_id": "hold.from_account_id",
        "amount": "1",
        "currency": "hold.currency",
        "from_balance": "travel.balance - 1",
        "captures_id": "hold.id",
    },
    ("hold", "travel"),
)
REFUND = ValidRow(
    "transactions",
    "a refund",
    {
        **PAYMENT.values,
        "from_account_id": "NULL",
        "to_account_id": "ana.id",
        "amount": "paid.amount",
        "type": "'deposit'",
        "from_balance": "NULL",
        "to_balance": "ana.balance + paid.amount",
        "reverses_id": "paid.id",
    },
    ("ana", "paid"),
)
ROWS = (PAYMENT, WITHDRAWAL, HOLD, CAPTURE, REFUND)

ATTEMPTS: list[Attempt] = [
    PAYMENT.attempt(
        "positive_amount",
        "Send minus 100, so that the money comes the other way",
        amount="-100",
        from_balance="ana.balance + 100",
        to_balance="mara.balance - 100",
    ),
    PAYMENT.attempt(
        "rows_continue_the_books",
        "Pay 100 and let 200 arrive",
        to_balance="mara.balance + 200",
    ),
    PAYMENT.attempt(
        "balances_when_completed",
        "Be paid without the balance that would show it",
        to_balance="NULL",
    ),
    PAYMENT.attempt(
        "amount_fits_currency",
        "Keep the tenth of a cent that nobody sees",
        amount="99.999",
        from_balance="ana.balance - 99.999",
        to_balance="mara.balance + 99.999",
    ),
    PAYMENT.attempt(
        "sides_match_type",
        "Pay oneself, and be richer by it",
        to_account_id="ana.id",
        to_balance="ana.balance + 100",
    ),
    PAYMENT.but("travel").attempt(
        "to_account_same_currency",
        "Send 100 dollars and let 100 euros arrive",
        FOREIGN_KEY,
        to_account_id="travel.id",
        to_balance="travel.balance + 100",
    ),
    PAYMENT.but("travel").attempt(
        "from_account_same_currency",
        "Pay 100 euros with 100 dollars",
        FOREIGN_KEY,
        to_account_id="travel.id",
        currency="'EUR'",
        to_balance="travel.balance + 100",
    ),
    WITHDRAWAL.but("frozen").attempt(
        "account_may_move",
        "Empty a frozen account",
        from_account_id="frozen.id",
        currency="frozen.currency",
        from_balance="frozen.balance - 100",
    ),
    PAYMENT.attempt(
        "transaction_status_valid",
        "Book a payment that is neither done nor pending",
        status="'maybe'",
        from_balance="NULL",
        to_balance="NULL",
    ),
    PAYMENT.attempt(
        "transaction_values_finite",
        "Book a payment at the end of time",
        created_at="'infinity'",
    ),
    PAYMENT.attempt(
        "only_holds_expire",
        "Pay with money that comes back by itself",
        expires_at="clock_timestamp() + interval '1 day'",
    ),
    PAYMENT.attempt("metadata_is_object", "Hide a list in the metadata", metadata="'[1, 2]'"),
    PAYMENT.attempt(
        "metadata_within_limit",
        "Fill the disk of the bank with metadata",
        metadata="jsonb_build_object('note', repeat('pay me ', 3000))",
    ),
    PAYMENT.but("paid").attempt(
        "transactions_pkey", "Be paid twice under one key", UNIQUE, id="paid.id"
    ),
    PAYMENT.attempt(
        "created_by_exists",
        "Pay in the name of somebody who does not exist",
        FOREIGN_KEY,
        created_by_id="gen_random_uuid()",
    ),
    HOLD.attempt("hold_begins_pending", "Hold money that is spent already", status="'captured'"),
    CAPTURE.attempt(
        "capture_within_hold",
        "Take more than was held",
        amount="hold.amount + 1",
        from_balance="travel.balance - hold.amount - 1",
    ),
    CAPTURE.attempt(
        "capture_of_pending_hold",
        "Take what was held and released long ago",
        captures_id="(SELECT id FROM transactions WHERE status = 'voided' LIMIT 1)",
    ),
    CAPTURE.but("twice").attempt(
        "hold_captured_once",
        "Take what is held twice, in one statement",
        UNIQUE,
        captures_id="hold.id",
    ),
    CAPTURE.attempt(
        "captures_or_reverses",
        "Take what is held and take a deposit back, with one row",
        reverses_id="""(
        SELECT id FROM transactions
        WHERE to_account_id = hold.from_account_id AND type = 'deposit'
          AND status = 'completed' AND reverses_id IS NULL
        ORDER BY amount DESC LIMIT 1
    )""",
    ),
    CAPTURE.attempt(
        "captured_hold_exists",
        "Take what nobody held",
        FOREIGN_KEY,
        captures_id="gen_random_uuid()",
    ).stands_behind(
        "capture_of_pending_hold",
        "The trigger looks for the hold first, and finds none.",
    ),
    Attempt(
        "transactions",
        "captured_hold_has_capture",
        "Call a hold spent, and spend its money again",
        "UPDATE transactions SET status = 'captured' WHERE status = 'pending'",
    ),
    REFUND.attempt(
        "reversal_within_original",
        "Have a payment refunded twice over",
        amount="paid.amount * 2",
        to_balance="ana.balance + paid.amount * 2",
    ),
    REFUND.but("savings").attempt(
        "reversal_mirrors_original",
        "Have a refund sent to another account",
        to_account_id="savings.id",
        to_balance="savings.balance + paid.amount",
    ),
    REFUND.attempt(
        "reversed_original_exists",
        "Have a payment refunded that never was",
        FOREIGN_KEY,
        reverses_id="gen_random_uuid()",
    ).stands_behind(
        "reversal_mirrors_original",
        "The trigger looks for the original first, and finds none.",
    ),
    Attempt(
        "transactions",
        "posted_row_is_final",
        "Have paid one cent instead",
        "UPDATE transactions SET amount = 0.01, from_balance = from_balance + amount - 0.01\n"
        "WHERE description LIKE 'Rent%' AND status = 'completed'",
    ),
    Attempt(
        "transactions",
        "posted_row_stays",
        "Make the last payment undone",
        "DELETE FROM transactions\nWHERE created_at = (SELECT max(created_at) FROM transactions)",
    ),
    Attempt("transactions", "posted_rows_stay", "Empty the books", "TRUNCATE transactions CASCADE"),
    Attempt(
        "transactions",
        "sealed_period_is_closed",
        "Add a payment to a day that is sealed",
        WITHDRAWAL.but(created_at="'2026-06-30 23:59:59+00'").insert,
        given=(SEAL.insert,),
    ),
    Attempt(
        "transactions",
        "old_row_reads_committed",
        "Add a payment to the past with eyes closed for new seals",
        WITHDRAWAL.but(created_at="'2026-06-30 23:59:59+00'").insert,
        isolation="REPEATABLE READ",
    ),
    *PAYMENT.left_out(),
]
