"""Attempts on the tables of approvals, for which the lab has none, and for one's household."""

from dataclasses import replace

from cookbook.lab.attempts.accounts import CHANGE
from cookbook.lab.attempts.approvals import FOR_A_FILE, REQUEST, THRESHOLD
from cookbook.lab.attempts.attempt import KEY, Attempt, ValidRow, stay
from cookbook.lab.attempts.files import LINE
from cookbook.lab.attempts.transactions import WITHDRAWAL
from cookbook.lab.attempts.words import NOTE

CLERK = "(SELECT id FROM users WHERE email = 'staff@example.com')"
MANAGER = "(SELECT id FROM users WHERE email = 'manager@example.com')"
SECOND_MANAGER = "(SELECT id FROM users WHERE email = 'manager2@example.com')"
ANA = "(SELECT id FROM users WHERE email = 'ana@example.com')"


def _one_household(*people: str) -> tuple[str, str]:
    """Returns statements that let these people live together."""
    home = "'019e0000-0000-7000-8000-00000000000e'"
    return (
        f"INSERT INTO households (id, name, created_at) VALUES ({home}, 'Elm Street 4', now())",
        f"UPDATE users SET household_id = {home} WHERE id IN ({', '.join(people)})",
    )


def _decides(status: str, by: str = MANAGER, also: str = "") -> str:
    return (
        f"UPDATE approval_requests SET status = '{status}', decided_by_id = {by},"
        f" decided_at = clock_timestamp(){also}"
    )


ASKED = REQUEST.but(requested_by_id=CLERK)
FOR_LIMITS = REQUEST.but(
    "mara",
    kind="'limits'",
    from_account_id="mara.id",
    to_account_id="NULL",
    parameters="""'{"daily_limit": "60000", "before": {"daily_limit": null}}'""",
    requested_by_id=MANAGER,
)
LIMITS = ValidRow(
    "limit_changes",
    "a change of limits",
    {
        "id": "gen_random_uuid()",
        "account_id": "ana.id",
        "overdraft_limit": "5",
        "transfer_limit": "NULL",
        "daily_limit": "NULL",
        "reason": "'Asked by letter'",
        "changed_by_id": MANAGER,
        "created_at": "clock_timestamp()",
    },
    ("ana",),
)
PAYMENT = ValidRow(
    "approval_payments",
    "a payment of a request",
    {
        "id": "gen_random_uuid()",
        "request_id": "(SELECT id FROM approval_requests LIMIT 1)",
        "payment_id": "gen_random_uuid()",
        "to_account_id": "ana.id",
        "amount": "5",
    },
    ("ana",),
)
SUM = ValidRow("staff_sums", "a sum", {"key": "'2026-06-30 money clerk'", "share": "0.5"})
ROWS = (ASKED, FOR_LIMITS, LIMITS, SUM)
OF_A_REQUEST = (ASKED.insert, PAYMENT.insert)

APPROVED = (ASKED.insert, _decides("approved"))


def _change(rule: str, title: str, sql: str, *given: str) -> Attempt:
    return Attempt("approval_requests", rule, title, sql, given=given)


def _sum(rule: str, title: str, sql: str) -> Attempt:
    return Attempt("staff_sums", rule, title, sql, given=(SUM.insert,))


_REQUESTS: list[Attempt] = [
    ASKED.attempt("approval_kind_valid", "Ask for something unknown", kind="'gift'"),
    ASKED.attempt(
        "approval_expires",
        "Ask for an approval of 40 days",
        expires_at="clock_timestamp() + interval '40 days'",
    ),
    ASKED.attempt("approval_names_person", "Name a member of a group in a deposit", person_id=ANA),
    ASKED.attempt("approval_names_person", "Ask for a group and name nobody", kind="'group'"),
    ASKED.attempt(
        "approval_status_valid",
        "Insert an undecided request with a time of its decision",
        decided_at="clock_timestamp()",
    ),
    _change(
        "approval_by_another_person",
        "Approve one's own request",
        _decides("approved"),
        FOR_LIMITS.insert,
    ),
    _change(
        "approval_within_request",
        "Use more than was approved",
        "UPDATE approval_requests SET used_amount = amount + 1",
        *APPROVED,
    ),
    _change(
        "approval_done_is_used",
        "Mark an approval as done and not as used",
        "UPDATE approval_requests SET status = 'done'",
        *APPROVED,
    ),
    _change(
        "request_used_by_rows",
        "Mark an approval as used",
        "UPDATE approval_requests SET used_amount = 1",
        *APPROVED,
        THRESHOLD.insert,
    ),
    ASKED.attempt(
        "request_begins_pending",
        "Insert a request that is approved already",
        status="'approved'",
        decided_by_id=MANAGER,
        decided_at="clock_timestamp()",
    ),
    ASKED.attempt(
        "request_begins_pending", "Insert a request that is used already", used_amount="1"
    ),
    REQUEST.attempt("request_is_for_others", "Ask for a deposit into one's own account"),
    replace(
        ASKED.attempt("request_is_for_others", "Ask for a deposit into one's household"),
        given=_one_household(CLERK, ANA),
    ),
    replace(
        ASKED.attempt("request_by_its_author", "Ask in the name of somebody else"), given=(KEY,)
    ),
    FOR_LIMITS.attempt(
        "limits_asked_by_manager", "Ask for limits as a clerk", requested_by_id=CLERK
    ),
    FOR_LIMITS.attempt("limits_asked_change", "Ask for no other limit", parameters="'{}'"),
    replace(
        FOR_LIMITS.attempt("limits_asked_once", "Ask for limits twice"), given=(FOR_LIMITS.insert,)
    ),
    Attempt(
        "approval_requests",
        "request_for_file",
        "Ask for less than all that a file can pay",
        FOR_A_FILE.replace(") AS amount", ") - 1 AS amount"),
        given=(*LINE.given, LINE.insert),
    ),
    _change(
        "request_changes_by_decision",
        "Change the amount of a request",
        "UPDATE approval_requests SET amount = 1",
        ASKED.insert,
    ),
    _change(
        "request_asks_the_same",
        "Change what a request asks for",
        """UPDATE approval_requests SET parameters = '{"group": "manager"}'""",
        ASKED.insert,
    ),
    _change(
        "request_texts_stay",
        "Change how what a request asks for is called",
        """UPDATE approval_requests SET parameters = parameters || '{"description": "x"}'""",
        ASKED.insert,
    ),
    _change(
        "request_changes_by_decision",
        "Use a request while deciding it",
        _decides("approved", also=", used_amount = 1"),
        ASKED.insert,
    ),
    _change(
        "request_changes_by_decision",
        "Approve what was declined",
        _decides("approved"),
        ASKED.insert,
        _decides("declined"),
    ),
    _change(
        "request_changes_by_decision",
        "Approve what was withdrawn",
        _decides("approved"),
        ASKED.insert,
        "UPDATE approval_requests SET status = 'withdrawn'",
    ),
    _change(
        "request_texts_stay",
        "Change why a request was approved",
        "UPDATE approval_requests SET note = 'x'",
        *APPROVED,
    ),
    *(
        _change(
            "request_changes_by_decision",
            "Change who approved, or when",
            f"UPDATE approval_requests SET {change}",
            *APPROVED,
        )
        for change in (
            f"decided_by_id = {SECOND_MANAGER}",
            "decided_at = decided_at - interval '9 days'",
        )
    ),
    _change(
        "request_not_expired",
        "Approve a request after its time",
        _decides("approved"),
        ASKED.but(expires_at="clock_timestamp() - interval '1 minute'").insert,
    ),
    *(
        _change(
            "decided_by_manager", "Decide as a customer", _decides(status, by=ANA), ASKED.insert
        )
        for status in ("approved", "declined")
    ),
    *(
        _change(
            "decided_by_manager",
            "Decide after leaving the bank",
            _decides(status),
            ASKED.insert,
            f"UPDATE users SET {left} WHERE id = {MANAGER}",
        )
        for status in ("approved", "declined")
        for left in ("is_staff = false", "deleted_at = clock_timestamp()")
    ),
    *(
        _change(
            "decided_by_stranger",
            "Decide for one's household",
            _decides("approved"),
            ASKED.insert,
            *_one_household(MANAGER, other),
        )
        for other in (ANA, CLERK)
    ),
    _change(
        "asked_by_staff",
        "Approve what a customer asked for",
        _decides("approved"),
        REQUEST.but("mara", to_account_id="mara.id").insert,
    ),
    _change(
        "decided_by_its_author",
        "Decide in the name of a manager",
        _decides("approved"),
        ASKED.insert,
        KEY,
    ),
    _change(
        "decided_by_its_author",
        "Withdraw in the name of who asked",
        "UPDATE approval_requests SET status = 'withdrawn'",
        ASKED.insert,
        KEY,
    ),
    *stay(
        "request_stays",
        "requests_stay",
        "approval_requests",
        "DELETE FROM approval_requests",
        given=(ASKED.insert,),
    ),
]
_PAYMENTS: list[Attempt] = [
    replace(
        PAYMENT.attempt("request_is_for_others", "Add a payment to one's household"),
        given=(ASKED.insert, *_one_household(CLERK, ANA)),
    ),
    *stay(
        "approval_payment_stays",
        "approval_payments_stay",
        "approval_payments",
        "UPDATE approval_payments SET amount = 6",
        given=OF_A_REQUEST,
    ),
    Attempt(
        "approval_payments",
        "approval_payment_stays",
        "Delete a payment of a request",
        "DELETE FROM approval_payments",
        given=OF_A_REQUEST,
    ),
]
_LIMITS: list[Attempt] = [
    replace(
        LIMITS.attempt("limits_by_stranger", "Change one's own limits", changed_by_id=ANA),
        given=(THRESHOLD.insert,),
    ),
    replace(
        LIMITS.attempt("limits_by_stranger", "Change the limits of one's household"),
        given=(THRESHOLD.insert, *_one_household(MANAGER, ANA)),
    ),
    replace(
        LIMITS.attempt("limits_by_their_author", "Change limits in the name of somebody else"),
        given=(KEY,),
    ),
    *stay(
        "limit_change_stays",
        "limit_changes_stay",
        "limit_changes",
        "UPDATE limit_changes SET reason = ''",
        given=(LIMITS.insert,),
    ),
    Attempt(
        "limit_changes",
        "limit_change_stays",
        "Delete a change of limits",
        "DELETE FROM limit_changes",
        given=(LIMITS.insert,),
    ),
]
_SUMS: list[Attempt] = [
    SUM.attempt("needs_approval", "Move more than the threshold in a day", share="1.01"),
    _sum("needs_approval", "Raise a sum above the threshold", "UPDATE staff_sums SET share = 1.01"),
    _sum("sum_only_grows", "Lower a sum", "UPDATE staff_sums SET share = 0"),
    _sum("sum_only_grows", "Give a sum to another day", "UPDATE staff_sums SET key = 'x'"),
    *stay("sum_stays", "sums_stay", "staff_sums", "DELETE FROM staff_sums", given=(SUM.insert,)),
]
_FOR_THE_HOUSEHOLD = [  # the lab tries the same for one's own account
    replace(attempt, given=(THRESHOLD.insert, *_one_household(CLERK, ANA)))
    for attempt in (
        CHANGE.attempt("status_by_stranger", "Freeze for one's household", changed_by_id=CLERK),
        NOTE.attempt(
            "released_by_stranger",
            "Release a hold of one's household",
            action="'release'",
            written_by_id=CLERK,
        ),
        WITHDRAWAL.attempt(
            "staff_serve_others", "Withdraw for one's household", created_by_id=CLERK
        ),
    )
]
ATTEMPTS = (*_FOR_THE_HOUSEHOLD, *_REQUESTS, *_PAYMENTS, *_LIMITS, *_SUMS)
