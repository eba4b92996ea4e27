"""Creates the triggers that change balances and end holds, and the triggers that refuse changes of
booked rows.
"""

from django.db import migrations
from pgtrigger.migrations import AddTrigger

from ledger.db.triggers import FixedTrigger


class Migration(migrations.Migration):
    dependencies = [("transactions", "0002_entries")]

    operations = [
        AddTrigger(
            "transaction",
            FixedTrigger(
                name="balances_follow_rows",
                kind="definer",
                table="transactions",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                declare="""
                    DECLARE one record;
                    paid numeric := 0;
                    reserved numeric := 0;
                    missed bigint := 0;
                    moved bigint;
                    latest timestamptz := clock_timestamp() + interval '5 minutes';
                    approved uuid[];
                """,
                func="""
                    SELECT from_account_id, to_account_id, amount, status, created_at, from_balance,
                    to_balance, captures_id,
                    type = 'transfer' AND status = 'completed' AND captures_id IS NULL
                    AND reverses_id IS NULL AND created_by_id = (
                        SELECT user_id FROM accounts WHERE accounts.id = from_account_id
                    ) AS by_holder,
                    (SELECT count(*) FROM (SELECT FROM added LIMIT 100 + 1) AS few) AS rows
                    INTO one FROM added LIMIT 1;
                    IF one.rows IS NULL THEN
                        RETURN NULL;
                    END IF;
                    IF (one.by_holder IS NOT TRUE OR one.rows > 1) AND (
                        EXISTS (SELECT FROM approval_thresholds)
                        AND NOT pg_catalog.pg_has_role((coalesce(nullif(current_setting('role'),
                            'none'), session_user))::name, (SELECT relowner FROM pg_catalog.pg_class
                            WHERE oid = TG_RELID), 'USAGE')
                    ) THEN
                        IF EXISTS (
                            SELECT FROM (
                                SELECT added.*, added.type = 'transfer' AND added.status =
                                    'completed'
                                AND added.captures_id IS NULL AND added.reverses_id IS NULL AS
                                    is_plain
                                FROM added LEFT JOIN accounts AS payer ON payer.id =
                                    added.from_account_id
                                WHERE NOT (
                                    added.type = 'transfer' AND added.status = 'completed'
                                    AND added.captures_id IS NULL AND added.reverses_id IS NULL
                                    AND added.created_by_id IS NOT DISTINCT FROM payer.user_id
                                )
                            ) AS staff
                            JOIN users AS clerk ON clerk.id = staff.created_by_id
                            JOIN accounts ON accounts.id IN (staff.from_account_id,
                                staff.to_account_id)
                            JOIN users AS holder ON holder.id = accounts.user_id
                            WHERE holder.id = clerk.id OR holder.household_id = clerk.household_id
                        ) THEN
                            RAISE EXCEPTION
                                'Staff move no money of their own or of their household here.' USING
                                ERRCODE = 'check_violation', CONSTRAINT = 'staff_serve_others',
                                TABLE = TG_TABLE_NAME;
                        END IF;
                        WITH used AS (
                            UPDATE approval_requests AS request
                            SET status = 'done', used_at = clock_timestamp(), used_amount =
                                request.amount
                            FROM (
                                SELECT added.*, added.type = 'transfer' AND added.status =
                                    'completed'
                                AND added.captures_id IS NULL AND added.reverses_id IS NULL AS
                                    is_plain
                                FROM added LEFT JOIN accounts AS payer ON payer.id =
                                    added.from_account_id
                                WHERE NOT (
                                    added.type = 'transfer' AND added.status = 'completed'
                                    AND added.captures_id IS NULL AND added.reverses_id IS NULL
                                    AND added.created_by_id IS NOT DISTINCT FROM payer.user_id
                                )
                            ) AS staff
                            WHERE request.transaction_id = staff.id AND request.status = 'approved'
                                AND request.expires_at > clock_timestamp() AND
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
                            AND (request.parameters->>'captures')::uuid IS NOT DISTINCT FROM
                                staff.captures_id
                            AND (request.parameters->>'reverses')::uuid IS NOT DISTINCT FROM
                                staff.reverses_id
                            AND (request.parameters->>'expires_at')::timestamptz IS NOT DISTINCT
                                FROM staff.expires_at
                            RETURNING request.transaction_id
                        ), paid AS (
                            SELECT request.id, sum(staff.amount) AS amount, array_agg(staff.id) AS
                                ids
                            FROM (
                                SELECT added.*, added.type = 'transfer' AND added.status =
                                    'completed'
                                AND added.captures_id IS NULL AND added.reverses_id IS NULL AS
                                    is_plain
                                FROM added LEFT JOIN accounts AS payer ON payer.id =
                                    added.from_account_id
                                WHERE NOT (
                                    added.type = 'transfer' AND added.status = 'completed'
                                    AND added.captures_id IS NULL AND added.reverses_id IS NULL
                                    AND added.created_by_id IS NOT DISTINCT FROM payer.user_id
                                )
                            ) AS staff
                            JOIN approval_payments AS payment ON payment.payment_id = staff.id
                            JOIN approval_requests AS request ON
                            payment.payment_id = staff.id AND payment.request_id = request.id
                            AND payment.amount = staff.amount AND payment.to_account_id =
                                staff.to_account_id
                            AND request.from_account_id = staff.from_account_id
                            AND request.requested_by_id = staff.created_by_id
                            WHERE staff.is_plain AND request.status = 'approved' AND
                                request.expires_at > clock_timestamp()
                            GROUP BY request.id
                        ), used_in_part AS (
                            UPDATE approval_requests AS request
                            SET used_at = clock_timestamp(), used_amount = request.used_amount +
                                paid.amount,
                            status = CASE WHEN request.used_amount + paid.amount = request.amount
                                THEN 'done' ELSE 'approved' END
                            FROM paid
                            WHERE request.id = paid.id AND request.status = 'approved' AND
                                request.expires_at > clock_timestamp()
                            AND request.used_amount + paid.amount <= request.amount
                            RETURNING paid.ids
                        )
                        SELECT array(SELECT transaction_id FROM used UNION SELECT unnest(ids) FROM
                            used_in_part)
                        INTO approved;
                        INSERT INTO staff_sums (key, share)
                        SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD') ||
                            ' money ' || whose, sum(share)
                        FROM (
                            SELECT added.*, added.type = 'transfer' AND added.status = 'completed'
                            AND added.captures_id IS NULL AND added.reverses_id IS NULL AS is_plain
                            FROM added LEFT JOIN accounts AS payer ON payer.id =
                                added.from_account_id
                            WHERE NOT (
                                added.type = 'transfer' AND added.status = 'completed'
                                AND added.captures_id IS NULL AND added.reverses_id IS NULL
                                AND added.created_by_id IS NOT DISTINCT FROM payer.user_id
                            )
                        ) AS staff
                        CROSS JOIN LATERAL (SELECT coalesce(staff.amount / nullif(coalesce(
                                        (SELECT amount FROM approval_thresholds WHERE currency =
                                            staff.currency),
                                        (SELECT amount FROM approval_thresholds WHERE currency =
                                            '*'), 0), 0), 2) AS share) AS part
                        CROSS JOIN LATERAL (
                            SELECT 'account ' || staff.from_account_id
                            UNION ALL SELECT 'account ' || staff.to_account_id WHERE NOT
                                staff.is_plain
                            UNION ALL SELECT 'clerk ' || coalesce((SELECT id FROM users WHERE id =
                                staff.created_by_id AND is_staff AND deleted_at IS NULL AND (
                                        is_superuser OR EXISTS (
                                            SELECT FROM users_groups
                                            JOIN auth_group_permissions USING (group_id)
                                            JOIN auth_permission ON auth_permission.id =
                                                permission_id
                                            WHERE users_groups.user_id = users.id AND codename IN
                                                ('use_cash_desk', 'refund_transactions',
                                                'manage_holds', 'change_limits')
                                        )
                                )), '00000000-0000-0000-0000-000000000000')
                        ) AS counted (whose)
                        WHERE staff.id <> ALL (approved) AND whose IS NOT NULL
                        GROUP BY whose ORDER BY whose
                        ON CONFLICT (key) DO UPDATE SET share = staff_sums.share + excluded.share
                        ;
                    END IF;
                    IF one.captures_id IS NOT NULL OR (
                        one.rows > 1 AND EXISTS (SELECT FROM added WHERE captures_id IS NOT NULL)
                    ) THEN
                        UPDATE transactions SET status = 'captured'
                        WHERE id IN (SELECT captures_id FROM added WHERE captures_id IS NOT NULL);
                    END IF;
                    IF one.rows > 100 THEN
                        EXECUTE $many$
                        WITH sides AS (
                            SELECT from_account_id AS account_id, true AS sends, created_at,
                                from_balance AS balance,
                            CASE status WHEN 'completed' THEN -amount ELSE 0 END AS change,
                            CASE status WHEN 'pending' THEN amount ELSE 0 END AS held,
                            scale(trim_scale(amount)) AS decimals
                            FROM added WHERE from_account_id IS NOT NULL
                            UNION ALL
                            SELECT to_account_id, false, created_at, to_balance,
                            CASE status WHEN 'completed' THEN amount ELSE 0 END, 0,
                            scale(trim_scale(amount))
                            FROM added WHERE to_account_id IS NOT NULL
                        ), lines AS (
                            SELECT account_id, sends, created_at, change, held, decimals,
                            balance - sum(change) OVER account AS opening,
                            lag(created_at) OVER account AS created_before
                            FROM sides
                            WINDOW account AS (PARTITION BY account_id ORDER BY created_at ROWS
                                UNBOUNDED PRECEDING)
                        ), moves AS (
                            SELECT account_id, bool_or(sends) AS sends, sum(change) AS change,
                                sum(held) AS held,
                            min(created_at) AS first, max(created_at) AS last,
                            min(opening) AS least, max(opening) AS most, max(decimals) AS decimals,
                            bool_or(created_at = created_before) AS tie
                            FROM lines GROUP BY account_id
                        ), moving AS (
                            UPDATE accounts
                            SET balance = accounts.balance + moves.change, held = accounts.held +
                                moves.held,
                            last_entry_at = moves.last
                            FROM moves
                            WHERE accounts.id = moves.account_id
                            AND (accounts.status = 'active' OR accounts.status = 'frozen' AND NOT
                                moves.sends)
                            AND (accounts.last_entry_at < moves.first OR accounts.last_entry_at IS
                                NULL)
                            AND moves.last < clock_timestamp() + interval '5 minutes'
                            AND moves.tie IS NOT TRUE
                            AND moves.decimals <= accounts.minor_units
                            AND (moves.least IS NULL
                                OR moves.least = accounts.balance AND moves.most = accounts.balance)
                            RETURNING 1
                        )
                        SELECT (SELECT count(*) FROM moves) - (SELECT count(*) FROM moving)
                        $many$ INTO missed;
                    ELSIF one.rows > 1 THEN
                        WITH sides AS (
                            SELECT from_account_id AS account_id, true AS sends, created_at,
                                from_balance AS balance,
                            CASE status WHEN 'completed' THEN -amount ELSE 0 END AS change,
                            CASE status WHEN 'pending' THEN amount ELSE 0 END AS held,
                            scale(trim_scale(amount)) AS decimals
                            FROM added WHERE from_account_id IS NOT NULL
                            UNION ALL
                            SELECT to_account_id, false, created_at, to_balance,
                            CASE status WHEN 'completed' THEN amount ELSE 0 END, 0,
                            scale(trim_scale(amount))
                            FROM added WHERE to_account_id IS NOT NULL
                        ), lines AS (
                            SELECT account_id, sends, created_at, change, held, decimals,
                            balance - sum(change) OVER account AS opening,
                            lag(created_at) OVER account AS created_before
                            FROM sides
                            WINDOW account AS (PARTITION BY account_id ORDER BY created_at ROWS
                                UNBOUNDED PRECEDING)
                        ), moves AS (
                            SELECT account_id, bool_or(sends) AS sends, sum(change) AS change,
                                sum(held) AS held,
                            min(created_at) AS first, max(created_at) AS last,
                            min(opening) AS least, max(opening) AS most, max(decimals) AS decimals,
                            bool_or(created_at = created_before) AS tie
                            FROM lines GROUP BY account_id
                        ), moving AS (
                            UPDATE accounts
                            SET balance = accounts.balance + moves.change, held = accounts.held +
                                moves.held,
                            last_entry_at = moves.last
                            FROM moves
                            WHERE accounts.id = moves.account_id
                            AND (accounts.status = 'active' OR accounts.status = 'frozen' AND NOT
                                moves.sends)
                            AND (accounts.last_entry_at < moves.first OR accounts.last_entry_at IS
                                NULL)
                            AND moves.last < clock_timestamp() + interval '5 minutes'
                            AND moves.tie IS NOT TRUE
                            AND moves.decimals <= accounts.minor_units
                            AND (moves.least IS NULL
                                OR moves.least = accounts.balance AND moves.most = accounts.balance)
                            RETURNING 1
                        )
                        SELECT (SELECT count(*) FROM moves) - (SELECT count(*) FROM moving)
                        INTO missed;
                    ELSE
                        IF one.status = 'completed' THEN paid := one.amount;
                        ELSE reserved := one.amount;
                        END IF;
                        UPDATE accounts
                        SET balance = balance + CASE id WHEN one.to_account_id THEN paid ELSE -paid
                            END,
                        held = held + CASE id WHEN one.from_account_id THEN reserved ELSE 0 END,
                        last_entry_at = one.created_at
                        WHERE id = ANY (ARRAY[one.from_account_id, one.to_account_id])
                        AND (last_entry_at < one.created_at OR last_entry_at IS NULL)
                        AND one.created_at < latest
                        AND one.amount = round(one.amount, minor_units)
                        AND CASE id
                        WHEN one.to_account_id THEN status <> 'closed'
                            AND (one.to_balance IS NULL OR one.to_balance = balance + paid)
                        ELSE status = 'active'
                            AND (one.from_balance IS NULL OR one.from_balance = balance - paid)
                        END;
                        GET DIAGNOSTICS moved = ROW_COUNT;
                        missed := num_nonnulls(one.from_account_id, one.to_account_id) - moved;
                    END IF;
                    IF missed <> 0 THEN
                        IF EXISTS (
                            SELECT FROM added JOIN accounts
                            ON accounts.id IN (from_account_id, to_account_id)
                            AND amount <> round(amount, minor_units)
                        ) THEN
                            RAISE EXCEPTION 'The amount has more decimals than its currency.' USING
                                ERRCODE = 'check_violation', CONSTRAINT = 'amount_fits_currency',
                                TABLE = TG_TABLE_NAME;
                        END IF;
                        IF EXISTS (
                            SELECT FROM added JOIN accounts
                            ON accounts.id = from_account_id AND accounts.status <> 'active'
                            OR accounts.id = to_account_id AND accounts.status = 'closed'
                        ) THEN
                            RAISE EXCEPTION
                                'A frozen account cannot send money, and a closed one can neither send nor receive.'
                                USING ERRCODE = 'check_violation', CONSTRAINT = 'account_may_move',
                                TABLE = TG_TABLE_NAME;
                        END IF;
                        RAISE EXCEPTION
                            'Each row comes after the last entry of its accounts and not in the future, and each stored balance is the one before it plus its amount.'
                            USING ERRCODE = 'check_violation', CONSTRAINT =
                            'rows_continue_the_books', TABLE = TG_TABLE_NAME;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "transaction",
            FixedTrigger(
                name="held_follows_rows",
                kind="definer",
                table="transactions",
                when="AFTER",
                operation="UPDATE",
                level="STATEMENT",
                referencing="REFERENCING OLD TABLE AS before",
                func="""
                    UPDATE accounts SET held = accounts.held - ended.amount
                    FROM (SELECT from_account_id, sum(amount) AS amount
                        FROM before WHERE status = 'pending' GROUP BY from_account_id) AS ended
                    WHERE accounts.id = ended.from_account_id;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "transaction",
            FixedTrigger(
                name="posted_row_is_final",
                table="transactions",
                when="BEFORE",
                operation="UPDATE",
                declare="""
                    DECLARE ended transactions%ROWTYPE;
                    latest timestamptz := clock_timestamp() + interval '300 s';
                """,
                func="""
                    ended := OLD;
                    ended.status := NEW.status;
                    IF OLD.status <> 'pending' OR NEW.status NOT IN ('captured', 'voided')
                    OR (to_jsonb(ended) - 'search' - 'category') <> (to_jsonb(NEW) - 'search' -
                        'category')
                    THEN
                        RAISE EXCEPTION 'A posted row never changes; post a reversal instead.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'posted_row_is_final', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    IF (NEW.status = 'captured')
                    <> EXISTS (SELECT FROM transactions WHERE captures_id = NEW.id)
                    THEN
                        RAISE EXCEPTION 'A hold is captured by a row that captures it.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'captured_hold_has_capture',
                            TABLE = TG_TABLE_NAME;
                    END IF;
                    IF NEW.status = 'voided'
                    AND coalesce(NEW.expires_at > latest, true)
                    AND NOT EXISTS (SELECT FROM transaction_notes
                        WHERE transaction_id = NEW.id AND action = 'release')
                    THEN
                        RAISE EXCEPTION 'Before it expires, a hold ends with a reason.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'released_hold_has_reason',
                            TABLE = TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "transaction",
            FixedTrigger(
                name="posted_row_stays",
                table="transactions",
                when="BEFORE",
                operation="DELETE",
                func="""
                    RAISE EXCEPTION 'A posted row is never deleted; post a reversal instead.' USING
                        ERRCODE = 'check_violation', CONSTRAINT = 'posted_row_stays', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "transaction",
            FixedTrigger(
                name="posted_rows_stay",
                table="transactions",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'The books are never emptied.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'posted_rows_stay', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "transaction",
            FixedTrigger(
                name="hold_begins_pending",
                table="transactions",
                when="BEFORE",
                operation="INSERT",
                condition="WHEN (NEW.\"status\" IN ('captured', 'voided'))",
                func="""
                    RAISE EXCEPTION 'A hold begins pending; then it is captured or voided.' USING
                        ERRCODE = 'check_violation', CONSTRAINT = 'hold_begins_pending', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "transaction",
            FixedTrigger(
                name="capture_within_hold",
                table="transactions",
                when="BEFORE",
                operation="INSERT",
                condition='WHEN (NEW."captures_id" IS NOT NULL)',
                declare="DECLARE hold transactions%ROWTYPE;",
                func="""
                    SELECT * INTO hold FROM transactions WHERE id = NEW.captures_id FOR NO KEY
                        UPDATE;
                    IF hold.status IS DISTINCT FROM 'pending' THEN
                        RAISE EXCEPTION 'Only a pending hold can be captured.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'capture_of_pending_hold', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    IF NEW.status <> 'completed' OR NEW.amount > hold.amount
                    OR NEW.currency <> hold.currency
                    OR NEW.from_account_id IS DISTINCT FROM hold.from_account_id
                    OR NEW.to_account_id IS DISTINCT FROM hold.to_account_id
                    THEN
                        RAISE EXCEPTION 'A capture takes at most what its hold holds.' USING ERRCODE
                            = 'check_violation', CONSTRAINT = 'capture_within_hold', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "transaction",
            FixedTrigger(
                name="reversal_within_original",
                table="transactions",
                when="BEFORE",
                operation="INSERT",
                condition='WHEN (NEW."reverses_id" IS NOT NULL)',
                declare="""
                    DECLARE original transactions%ROWTYPE;
                    reversed numeric;
                """,
                func="""
                    SELECT * INTO original FROM transactions WHERE id = NEW.reverses_id FOR NO KEY
                        UPDATE;
                    IF NEW.status <> 'completed' OR original.status IS DISTINCT FROM 'completed'
                    OR original.reverses_id IS NOT NULL
                    OR NEW.currency <> original.currency
                    OR NEW.from_account_id IS DISTINCT FROM original.to_account_id
                    OR NEW.to_account_id IS DISTINCT FROM original.from_account_id
                    THEN
                        RAISE EXCEPTION 'A reversal is the opposite of a posted row.' USING ERRCODE
                            = 'check_violation', CONSTRAINT = 'reversal_mirrors_original', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    SELECT coalesce(sum(amount), 0) INTO reversed
                    FROM transactions WHERE reverses_id = NEW.reverses_id;
                    IF reversed + NEW.amount > original.amount THEN
                        RAISE EXCEPTION 'Reversals never exceed their original.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'reversal_within_original', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "sealedtransaction",
            FixedTrigger(
                name="sealed_period_is_closed",
                table="transactions",
                when="AFTER",
                operation="INSERT",
                condition="WHEN (NEW.created_at < clock_timestamp() - interval '10 minutes')",
                func="""
                    PERFORM pg_advisory_xact_lock_shared(7236501);
                    IF current_setting('transaction_isolation') <> 'read committed' THEN
                        RAISE EXCEPTION 'A row of the past is booked at READ COMMITTED.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'old_row_reads_committed',
                            TABLE = TG_TABLE_NAME;
                    END IF;
                    IF EXISTS (SELECT FROM seals WHERE ends_at > NEW.created_at) THEN
                        RAISE EXCEPTION 'That day is sealed; nothing is added to it.' USING ERRCODE
                            = 'check_violation', CONSTRAINT = 'sealed_period_is_closed', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
    ]
