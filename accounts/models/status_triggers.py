"""Triggers of the table account_status_changes. A new row sets the status of its account.

Note [Status follows changes]: the status of an account changes only when a row is added to this
table. The trigger `status_follows_changes` sets the status with the rights of the table owner. The
web role has no right to the column, and a trigger of accounts refuses every direct UPDATE, so each
change has a row. The rows of an account form a chain: each row contains the old status, which the
previous row has set, and the new status. The first row has the old status active. Each row has a
later time than the previous row, by the server's clock. The audit checks the chain. Staff cannot
change the status of an account that they or their household own. A customer who leaves the bank can
close their own account.
"""

import pgtrigger

from accounts.models.approval_triggers import APPLIES, related
from accounts.models.author_triggers import by_its_author
from ledger.db.triggers import FirmTrigger, refuse

_OTHER_STATUS = refuse(
    "status_change_continues", "A change starts from the status of the account, to another one."
)
_LEAVES = """NEW.to_status = 'closed' AND EXISTS (
    SELECT FROM accounts JOIN users ON users.id = accounts.user_id
    WHERE accounts.id = NEW.account_id AND users.id = NEW.changed_by_id AND NOT users.is_staff
)"""
_BY_STRANGER = refuse("status_by_stranger", "Staff do not freeze or close for their own household.")
# The first trigger runs before the row is written, and locks the account. The second trigger runs
# after the row is written, because a row that ON CONFLICT skips must not change anything.
STATUS_CHANGE_CONTINUES = FirmTrigger(
    name="status_change_continues",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    definer=True,
    declare=[("found", "text"), ("latest", "timestamptz")],
    func=f"""
        SELECT status INTO found FROM accounts WHERE id = NEW.account_id FOR NO KEY UPDATE;
        IF NEW.from_status <> found OR NEW.to_status = found THEN
            {_OTHER_STATUS}
        END IF;
        IF {related("NEW.changed_by_id", "NEW.account_id")} AND NOT ({_LEAVES}) AND {APPLIES} THEN
            {_BY_STRANGER}
        END IF;
        SELECT max(created_at) INTO latest
        FROM account_status_changes WHERE account_id = NEW.account_id;
        NEW.created_at := CASE WHEN NEW.created_at IS NOT NULL THEN
            greatest(clock_timestamp(), latest + interval '1 microsecond') END;
        RETURN NEW;
    """,
)
STATUS_FOLLOWS_CHANGES = FirmTrigger(
    name="status_follows_changes",
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    definer=True,
    func="""
        UPDATE accounts
        SET status = NEW.to_status,
            closed_at = CASE NEW.to_status WHEN 'closed' THEN NEW.created_at END
        WHERE id = NEW.account_id;
        RETURN NULL;
    """,
)
STATUS_BY_ITS_AUTHOR = by_its_author(
    "status_by_its_author", "changed_by_id", "A change of status names the person who is signed in."
)
