"""Triggers that prevent changes to the lines of a payment file after approval was requested.

These triggers and a request for approval lock the same row of the file. So if a line changes while
a request is made, the second transaction sees the changes of the first. This works only at READ
COMMITTED: at other isolation levels, an old snapshot could hide a new request. Therefore
transactions at other levels must not change, add or delete lines.

The lines of a file with a pending request cannot be deleted. Otherwise the approval would still
book a deleted line, but the page of the file would not show it. Without a request, lines are
deleted together with their file.
"""

import pgtrigger

from ledger.db.triggers import FirmTrigger, refuse

_STAYS = refuse("line_of_request_stays", "The lines of a file that waits for approval stay.")
_JOINS = refuse("no_line_joins_a_request", "No line joins a file that waits for approval.")
_LEAVES = refuse("no_line_leaves_a_request", "No line leaves a file that waits for approval.")
_IS_ASKED = """
    SELECT FROM approval_requests
    WHERE kind = 'payment_file' AND status <> 'declined' AND status <> 'withdrawn'
"""
_OLD_SNAPSHOT = "current_setting('transaction_isolation') <> 'read committed'"

_FIXED = ("id", "file_id", "number", "to_account_id", "amount")

LINE_OF_REQUEST_STAYS = FirmTrigger(
    name="line_of_request_stays",
    when=pgtrigger.Before,
    operation=pgtrigger.UpdateOf(*_FIXED),  # type: ignore[no-untyped-call]
    definer=True,  # row-level security hides the request from the file's owner
    func=f"""
        IF ({", ".join(f"OLD.{column}" for column in _FIXED)})
           IS NOT DISTINCT FROM ({", ".join(f"NEW.{column}" for column in _FIXED)})
        THEN
            RETURN NEW;
        END IF;
        PERFORM FROM payment_files WHERE id IN (OLD.file_id, NEW.file_id) ORDER BY id FOR KEY SHARE;
        IF {_OLD_SNAPSHOT}
           OR EXISTS ({_IS_ASKED} AND transaction_id IN (OLD.file_id, NEW.file_id))
        THEN
            {_STAYS}
        END IF;
        RETURN NEW;
    """,
)
NO_LINE_JOINS_A_REQUEST = FirmTrigger(
    name="no_line_joins_a_request",
    level=pgtrigger.Statement,
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
    definer=True,
    func=f"""
        PERFORM FROM payment_files WHERE id IN (SELECT file_id FROM added)
        ORDER BY id FOR KEY SHARE;
        IF {_OLD_SNAPSHOT}
           OR EXISTS ({_IS_ASKED} AND transaction_id IN (SELECT file_id FROM added))
        THEN
            {_JOINS}
        END IF;
        RETURN NULL;
    """,
)
# A file with an expired request can be deleted, because an expired request pays nothing. The booked
# lines of a request can be deleted after the request is done.
NO_LINE_LEAVES_A_REQUEST = FirmTrigger(
    name="no_line_leaves_a_request",
    level=pgtrigger.Statement,
    when=pgtrigger.After,
    operation=pgtrigger.Delete,
    referencing=pgtrigger.Referencing(old="gone"),  # type: ignore[no-untyped-call]
    definer=True,
    func=f"""
        PERFORM FROM payment_files WHERE id IN (SELECT file_id FROM gone)
        ORDER BY id FOR KEY SHARE;
        IF EXISTS (SELECT FROM gone) AND {_OLD_SNAPSHOT}
           OR EXISTS (
               {_IS_ASKED} AND status <> 'done' AND expires_at > clock_timestamp()
               AND transaction_id IN (SELECT file_id FROM gone))
        THEN
            {_LEAVES}
        END IF;
        RETURN NULL;
    """,
)
ALL: list[pgtrigger.Trigger] = [
    LINE_OF_REQUEST_STAYS,
    NO_LINE_JOINS_A_REQUEST,
    NO_LINE_LEAVES_A_REQUEST,
]
