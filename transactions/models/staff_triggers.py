"""The rules of the database for rows that staff insert, see Note [Four eyes].

These rules treat every row as a row by staff, with one exception: a completed transfer by the
holder of the paying account, if it neither captures a hold nor reverses a payment. So a row without
an author or with a wrong author is a row by staff.
"""

import pgtrigger

from accounts.models.approval_triggers import (
    ADD_TO_SUMS,
    APPLIES,
    TODAY,
    clerk_of,
    related,
    share_of,
)
from ledger.db.triggers import FirmTrigger, refuse

SERVES_OWN = refuse(
    "staff_serve_others", "Staff move no money of their own or of their household here."
)

# The rows by staff. `is_plain` is false for a deposit, refund, hold or capture. In these cases, the
# receiving account counts towards the daily sums, too. In a customer's payment file, receiving
# accounts do not count, because they only receive money.
_ROWS = """
    SELECT added.*, added.type = 'transfer' AND added.status = 'completed'
           AND added.captures_id IS NULL AND added.reverses_id IS NULL AS is_plain
    FROM added LEFT JOIN accounts AS payer ON payer.id = added.from_account_id
    WHERE NOT (
        added.type = 'transfer' AND added.status = 'completed'
        AND added.captures_id IS NULL AND added.reverses_id IS NULL
        AND added.created_by_id IS NOT DISTINCT FROM payer.user_id
    )
"""
# Also matches a hold that was captured or released in the meantime, because the audit compares such
# holds, too.
SAME_CONTENT = """
    request.kind = CASE
        WHEN staff.reverses_id IS NOT NULL THEN 'refund'
        WHEN staff.captures_id IS NOT NULL THEN 'capture'
        WHEN staff.status <> 'completed' THEN 'hold'
        ELSE staff.type END
    AND request.from_account_id IS NOT DISTINCT FROM staff.from_account_id
    AND request.to_account_id IS NOT DISTINCT FROM staff.to_account_id
    AND request.amount = staff.amount AND request.currency = staff.currency
    AND request.requested_by_id = staff.created_by_id
    AND request.parameters->>'description' = staff.description
    AND request.parameters->>'reference' = staff.reference
    AND request.parameters->'metadata' = staff.metadata
    AND (request.parameters->>'captures')::uuid IS NOT DISTINCT FROM staff.captures_id
    AND (request.parameters->>'reverses')::uuid IS NOT DISTINCT FROM staff.reverses_id
    AND (request.parameters->>'expires_at')::timestamptz IS NOT DISTINCT FROM staff.expires_at
"""
# Whether `request` is a request for several payments, and the row `staff` is its payment number
# `payment`, see Note [Payments of a request].
ONE_OF_MANY = """
    payment.payment_id = staff.id AND payment.request_id = request.id
    AND payment.amount = staff.amount AND payment.to_account_id = staff.to_account_id
    AND request.from_account_id = staff.from_account_id
    AND request.requested_by_id = staff.created_by_id
"""
_USABLE = "request.status = 'approved' AND request.expires_at > clock_timestamp()"

STAFF_ROWS = f"""
    IF EXISTS (
        SELECT FROM ({_ROWS}) AS staff
        JOIN users AS clerk ON clerk.id = staff.created_by_id
        JOIN accounts ON accounts.id IN (staff.from_account_id, staff.to_account_id)
        JOIN users AS holder ON holder.id = accounts.user_id
        WHERE holder.id = clerk.id OR holder.household_id = clerk.household_id
    ) THEN
        {SERVES_OWN}
    END IF;
    WITH used AS (
        UPDATE approval_requests AS request
        SET status = 'done', used_at = clock_timestamp(), used_amount = request.amount
        FROM ({_ROWS}) AS staff
        WHERE request.transaction_id = staff.id AND {_USABLE} AND {SAME_CONTENT}
        RETURNING request.transaction_id
    ), paid AS (
        SELECT request.id, sum(staff.amount) AS amount, array_agg(staff.id) AS ids
        FROM ({_ROWS}) AS staff
        JOIN approval_payments AS payment ON payment.payment_id = staff.id
        JOIN approval_requests AS request ON {ONE_OF_MANY}
        WHERE staff.is_plain AND {_USABLE}
        GROUP BY request.id
    ), used_in_part AS (
        UPDATE approval_requests AS request
        SET used_at = clock_timestamp(), used_amount = request.used_amount + paid.amount,
            status = CASE WHEN request.used_amount + paid.amount = request.amount
                          THEN 'done' ELSE 'approved' END
        FROM paid
        WHERE request.id = paid.id AND {_USABLE}
          AND request.used_amount + paid.amount <= request.amount
        RETURNING paid.ids
    )
    SELECT array(SELECT transaction_id FROM used UNION SELECT unnest(ids) FROM used_in_part)
    INTO approved;
    INSERT INTO staff_sums (key, share)
    SELECT {TODAY} || ' money ' || whose, sum(share)
    FROM ({_ROWS}) AS staff
    CROSS JOIN LATERAL (SELECT {share_of("staff.amount", "staff.currency")} AS share) AS part
    CROSS JOIN LATERAL (
        SELECT 'account ' || staff.from_account_id
        UNION ALL SELECT 'account ' || staff.to_account_id WHERE NOT staff.is_plain
        UNION ALL SELECT 'clerk ' || {clerk_of("staff.created_by_id")}
    ) AS counted (whose)
    WHERE staff.id <> ALL (approved) AND whose IS NOT NULL
    GROUP BY whose ORDER BY whose
    {ADD_TO_SUMS};
"""

# If a hold ends early, staff must first insert a reason with the action "release". The person who
# releases the hold must be the author of the reason.
RELEASED_BY_STRANGER = FirmTrigger(
    name="released_by_stranger",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    condition=pgtrigger.Condition("NEW.action = 'release'"),
    definer=True,
    func=f"""
        IF EXISTS (
            SELECT FROM transactions AS hold WHERE hold.id = NEW.transaction_id
            AND ({related("NEW.written_by_id", "hold.from_account_id")}
                 OR {related("NEW.written_by_id", "hold.to_account_id")})
        ) AND {APPLIES} THEN
            {refuse("released_by_stranger", "Staff release no hold of their own household.")}
        END IF;
        RETURN NEW;
    """,
)
