"""The trigger of requests for a customer's payment file: what they are for.

Note [Lines of a request]: a line that was refused when somebody asked may be payable later, and
another one no more, while the sum stays the same. So the database notes the lines that were not
asked for, and an approval pays none of them. The file is locked first, so that no line joins it or
changes meanwhile.
"""

import pgtrigger

from ledger.db.triggers import FirmTrigger, refuse

_CAN_BE_PAID = "NOT booked AND verdict = ''"
LEFT_OUT = "left_out"

REQUEST_FOR_FILE = FirmTrigger(
    name="request_for_file",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    condition=pgtrigger.Condition("NEW.kind = 'payment_file'"),
    definer=True,
    declare=[("asked", "record")],
    func=f"""
        PERFORM FROM payment_files WHERE id = NEW.transaction_id FOR UPDATE;
        SELECT count(*) FILTER (WHERE {_CAN_BE_PAID}) AS lines,
               coalesce(sum(amount) FILTER (WHERE {_CAN_BE_PAID}), 0) AS amount,
               coalesce(jsonb_agg(number ORDER BY number) FILTER (WHERE NOT ({_CAN_BE_PAID})),
                        '[]') AS left_out
        INTO asked FROM payment_lines WHERE file_id = NEW.transaction_id;
        IF NEW.amount <> asked.amount
           OR NEW.parameters->'lines' IS DISTINCT FROM to_jsonb(asked.lines)
        THEN
            {refuse("request_for_file", "A request for a file is for all that can be paid of it.")}
        END IF;
        NEW.parameters := NEW.parameters || jsonb_build_object('{LEFT_OUT}', asked.left_out);
        RETURN NEW;
    """,
)
