"""Attempts to break the rules about approval by a second person.

These are the rules of people, accounts, payments and files. Attempts on the tables of approvals are
in tests/attacks/test_four_eyes_by_sql.py.
"""

from dataclasses import replace

from cookbook.lab.attempts.accounts import ACCOUNT, CHANGE
from cookbook.lab.attempts.attempt import FOREIGN_KEY, KEY, Attempt, ValidRow
from cookbook.lab.attempts.files import LINE
from cookbook.lab.attempts.people import MEMBER
from cookbook.lab.attempts.transactions import WITHDRAWAL
from cookbook.lab.attempts.words import NOTE

# The practice bank has no approval thresholds, because its recipes must not need an approval.
THRESHOLD = ValidRow("approval_thresholds", "a threshold", {"currency": "'*'", "amount": "10000"})
REQUEST = ValidRow(
    "approval_requests",
    "a request",
    {
        "id": "gen_random_uuid()",
        "kind": "'deposit'",
        "transaction_id": "gen_random_uuid()",
        "person_id": "NULL",
        "from_account_id": "NULL",
        "to_account_id": "ana.id",
        "amount": "20000",
        "currency": "'USD'",
        "parameters": "'{}'",
        "reason": "'Sold a house.'",
        "requested_by_id": "person.id",
        "requested_at": "clock_timestamp()",
        "expires_at": "clock_timestamp() + interval '2 days'",
        "status": "'pending'",
        "decided_by_id": "NULL",
        "decided_at": "NULL",
        "note": "''",
        "used_at": "NULL",
        "used_amount": "0",
    },
    ("ana", "person"),
    nullable=frozenset(
        {"person_id", "from_account_id", "to_account_id", "decided_by_id", "decided_at", "used_at"}
    ),
)
CLERK = MEMBER.but("operations", group_id="operations.id")
_OF_THE_FILE = "FROM payment_lines WHERE file_id = file.id"  # all of these lines can be paid
FOR_A_FILE = REQUEST.but(
    "file", "colleague", kind="'payment_file'", transaction_id="file.id",
    requested_by_id="colleague.id", from_account_id="file.from_account_id",
    currency="(SELECT currency FROM accounts WHERE id = file.from_account_id)",
    amount=f"(SELECT coalesce(sum(amount), 0) {_OF_THE_FILE})",
    parameters=f"jsonb_build_object('lines', (SELECT count(*) {_OF_THE_FILE}))",
).insert  # fmt: skip

ATTEMPTS: list[Attempt] = [
    Attempt(
        "users",
        "users_household_id_17ac7783_fk_households_id",
        "Put a user into an unknown household",
        "UPDATE users SET household_id = gen_random_uuid() WHERE email = 'ana@example.com'",
        FOREIGN_KEY,
    ),
    replace(
        CLERK.attempt(
            "group_needs_approval", "Put a user into a group that moves money, without approval"
        ),
        given=(THRESHOLD.insert,),
    ),
    Attempt(
        "users",
        "staff_before_groups",
        "Make a member of a group that moves money staff, without approval",
        "UPDATE users SET is_staff = true WHERE email = 'ana@example.com'",
        given=(CLERK.insert, THRESHOLD.insert),
    ),
    replace(
        ACCOUNT.attempt(
            "account_opens_without_overdraft",
            "Open an account with an overdraft",
            overdraft_limit="5000",
        ),
        given=(THRESHOLD.insert,),
    ),
    replace(
        WITHDRAWAL.attempt(
            "staff_serve_others",
            "Withdraw from your own account at the desk",
            created_by_id="ana.user_id",
        ),
        given=(THRESHOLD.insert,),
    ),
    replace(
        CHANGE.attempt(
            "status_by_stranger", "Freeze your own account", changed_by_id="ana.user_id"
        ),
        given=(THRESHOLD.insert,),
    ),
    replace(
        CHANGE.attempt(
            "status_by_its_author",
            "Freeze an account in the name of somebody else",
            changed_by_id="ana.user_id",
        ),
        given=(KEY,),
    ),
    replace(
        NOTE.attempt(
            "released_by_stranger",
            "Release your own hold",
            action="'release'",
            written_by_id="ana.user_id",
        ),
        given=(THRESHOLD.insert,),
    ),
    Attempt(
        "payment_lines",
        "line_of_request_stays",
        "Change a line of a file that waits for approval",
        "UPDATE payment_lines SET amount = amount + 1",
        given=(*LINE.given, LINE.insert, FOR_A_FILE),
    ),
    replace(
        LINE.attempt("no_line_joins_a_request", "Add a line to a file that waits for approval"),
        given=(*LINE.given, FOR_A_FILE),
    ),
    Attempt(
        "payment_lines",
        "no_line_leaves_a_request",
        "Delete a line of a file that waits for approval",
        "DELETE FROM payment_lines",
        given=(*LINE.given, LINE.insert, FOR_A_FILE),
    ),
]
