"""The trigger that stores the lines for which approval was requested.

A line that was refused at the time of the request may be payable later, and another line with the
same amount may be refused later. So the sum does not identify the lines, and the database stores
the requested lines: see Note [Payments of a request].

The trigger locks the file first, so that its lines cannot change in the meantime. The trigger
refuses a transaction whose snapshot is older than the lock: it could request lines that no longer
exist. The account and the currency must match the file, because the approver reads the amounts in
this currency.
"""

import pgtrigger

from ledger.db.triggers import FirmTrigger, refuse

REQUEST_FOR_FILE = FirmTrigger(
    name="request_for_file",
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    condition=pgtrigger.Condition("NEW.kind = 'payment_file'"),
    definer=True,
    declare=[("payer", "record"), ("asked", "record")],
    func=f"""
        SELECT account.id, account.currency INTO payer
        FROM payment_files AS file JOIN accounts AS account ON account.id = file.from_account_id
        WHERE file.id = NEW.transaction_id FOR UPDATE OF file;
        WITH lines AS (
            INSERT INTO approval_payments (id, request_id, payment_id, to_account_id, amount)
            SELECT md5(concat(NEW.id, ' ', id))::uuid, NEW.id, id, to_account_id, amount
            FROM payment_lines
            WHERE file_id = NEW.transaction_id AND NOT booked AND verdict = ''
            RETURNING amount
        )
        SELECT count(*) AS lines, coalesce(sum(amount), 0) AS amount INTO asked FROM lines;
        IF NEW.amount <> asked.amount
           OR NEW.parameters->'lines' IS DISTINCT FROM to_jsonb(asked.lines)
           OR (NEW.from_account_id, NEW.currency) IS DISTINCT FROM (payer.id, payer.currency)
           OR current_setting('transaction_isolation') <> 'read committed'
        THEN
            {refuse("request_for_file", "A request for a file is for all that can be paid of it.")}
        END IF;
        RETURN NULL;
    """,
)
