"""Registers the descriptions of the rules that the database enforces in the tables of payment
files, and in requests for them.
"""

from accounts import refusals
from accounts.exceptions import RequestDecided
from ledger.db.table_rules import TableRule, register

register(
    "payment_files",
    TableRule(
        "`payment_file_once_a_run`, `payment_file_state_valid`, `payment_file_counts_add_up`",
        "a second file with the same lines, account and label of `post_file`; an unknown state;"
        " more lines with a result than lines",
    ),
)
register(
    "payment_lines",
    TableRule(
        "`payment_line_once`, `booked_line_has_no_refusal`, `unread_line_is_refused`,"
        " `name_check_valid`",
        "two lines with the same number in a file; a line that is both booked and refused; a line"
        " without a recipient or a refusal; an unknown result of the name check",
    ),
    TableRule(
        "triggers `line_of_request_stays`, `no_line_joins_a_request`, `no_line_leaves_a_request`",
        "changing the lines of a file that waits for approval, or was approved; deleting them"
        " while the request is open",
    ),
)
register(
    "approval_requests",
    TableRule(
        "trigger `request_for_file`",
        "a request that differs from the payments of the file that can be booked, or has another"
        " currency or account than the file; any isolation level except READ COMMITTED. The"
        " trigger writes the payments into `approval_payments`",
    ),
)
refusals.register(
    "request_for_file",
    RequestDecided,
    "The file was checked again in the meantime, and other lines can be paid now. Ask again.",
)
