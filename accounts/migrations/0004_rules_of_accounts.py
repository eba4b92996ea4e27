"""The rules for accounts: their status, limits and currency."""

from django.db import migrations
from pgtrigger.migrations import AddTrigger

from ledger.db.triggers import FixedTrigger


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_signed_facts")]

    operations = [
        AddTrigger(
            "account",
            FixedTrigger(
                name="account_currency_valid",
                kind="definer",
                table="accounts",
                when="BEFORE",
                operation='INSERT OR UPDATE OF "currency"',
                func="""
                    SELECT minor_units INTO NEW.minor_units
                    FROM currencies WHERE code = NEW.currency AND (is_open OR NEW.currency =
                        OLD.currency);
                    IF NOT FOUND AND NEW.currency IS NOT NULL THEN
                        RAISE EXCEPTION
                            'Accounts can be opened in currencies that are in the list and open.'
                            USING ERRCODE = 'check_violation', CONSTRAINT =
                            'account_currency_valid', TABLE = TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "account",
            FixedTrigger(
                name="account_choices_valid",
                table="accounts",
                when="BEFORE",
                operation='INSERT OR UPDATE OF "status"',
                condition="WHEN (NEW.status NOT IN ('active', 'frozen', 'closed'))",
                func="""
                    RAISE EXCEPTION
                        'A status is active, frozen or closed; a setting is one of its choices.'
                        USING ERRCODE = 'check_violation', CONSTRAINT = 'account_choices_valid',
                        TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "account",
            FixedTrigger(
                name="account_times_finite",
                table="accounts",
                when="BEFORE",
                operation='INSERT OR UPDATE OF "created_at", "closed_at"',
                condition="""
                    WHEN (NOT (coalesce(NEW.created_at >= '1900-01-01 00:00:00+00:00' AND
                        NEW.created_at < '9999-01-01 00:00:00+00:00', true) AND
                        coalesce(NEW.closed_at >= '1900-01-01 00:00:00+00:00' AND NEW.closed_at <
                        '9999-01-01 00:00:00+00:00', true)))
                """,
                func="""
                    RAISE EXCEPTION 'A time lies between 1900 and 9999.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'account_times_finite', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "account",
            FixedTrigger(
                name="balance_follows_rows",
                table="accounts",
                when="BEFORE",
                operation='UPDATE OF "balance", "held", "last_entry_at"',
                condition="WHEN (pg_trigger_depth() = 0)",
                func="""
                    IF (OLD.balance, OLD.held, OLD.last_entry_at)
                    IS DISTINCT FROM (NEW.balance, NEW.held, NEW.last_entry_at)
                    THEN
                        RAISE EXCEPTION 'Only posted transactions change a balance.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'balance_follows_rows', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "account",
            FixedTrigger(
                name="closed_account_stays_closed",
                table="accounts",
                when="BEFORE",
                operation='UPDATE OF "user_id", "number", "currency", "status", "closed_at", "overdraft_limit", "transfer_limit", "daily_limit", "name"',
                condition="""
                    WHEN (OLD.status = 'closed' AND ((OLD.user_id, OLD.number, OLD.currency,
                        OLD.status, OLD.closed_at, OLD.overdraft_limit, OLD.transfer_limit,
                        OLD.daily_limit, OLD.name) IS DISTINCT FROM (NEW.user_id, NEW.number,
                        NEW.currency, NEW.status, NEW.closed_at, NEW.overdraft_limit,
                        NEW.transfer_limit, NEW.daily_limit, NEW.name)))
                """,
                func="""
                    IF NEW.name = 'Account'
                    AND coalesce(current_setting('ledger.erases', true), '') <> ''
                    AND NOT ((OLD.user_id, OLD.number, OLD.currency, OLD.status, OLD.closed_at,
                        OLD.overdraft_limit, OLD.transfer_limit, OLD.daily_limit) IS DISTINCT FROM
                        (NEW.user_id, NEW.number, NEW.currency, NEW.status, NEW.closed_at,
                        NEW.overdraft_limit, NEW.transfer_limit, NEW.daily_limit)) AND
                        pg_catalog.pg_has_role(current_user, (SELECT relowner FROM
                        pg_catalog.pg_class WHERE oid = TG_RELID), 'USAGE')
                    THEN
                        RETURN NEW;
                    END IF;
                    RAISE EXCEPTION 'A closed account never changes.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'closed_account_stays_closed', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "account",
            FixedTrigger(
                name="account_opens_empty",
                table="accounts",
                when="BEFORE",
                operation="INSERT",
                condition="""
                    WHEN (NEW.balance <> 0 OR NEW.held <> 0 OR NEW.last_entry_at IS NOT NULL OR
                        NEW.status <> 'active' OR NEW.closed_at IS NOT NULL)
                """,
                func="""
                    RAISE EXCEPTION 'An account is opened empty and active.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'account_opens_empty', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "account",
            FixedTrigger(
                name="account_opens_without_overdraft",
                table="accounts",
                when="BEFORE",
                operation="INSERT",
                func="""
                    IF NEW.overdraft_limit > 0 AND NOT pg_catalog.pg_has_role(current_user, (SELECT
                        relowner FROM pg_catalog.pg_class WHERE oid = TG_RELID), 'USAGE')
                    AND EXISTS (SELECT FROM approval_thresholds)
                    THEN
                        RAISE EXCEPTION 'An overdraft is given after an account was opened.' USING
                            ERRCODE = 'check_violation', CONSTRAINT =
                            'account_opens_without_overdraft', TABLE = TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "account",
            FixedTrigger(
                name="status_has_a_change",
                table="accounts",
                when="BEFORE",
                operation='UPDATE OF "status", "closed_at"',
                condition="""
                    WHEN (pg_trigger_depth() = 0 AND (OLD.status, OLD.closed_at) IS DISTINCT FROM
                        (NEW.status, NEW.closed_at))
                """,
                func="""
                    RAISE EXCEPTION 'A status changes only by a row that says who and why.' USING
                        ERRCODE = 'check_violation', CONSTRAINT = 'status_has_a_change', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "currency",
            FixedTrigger(
                name="currency_needs_approval_at_first",
                kind="definer",
                table="currencies",
                when="AFTER",
                operation="INSERT",
                func="""
                    INSERT INTO approval_thresholds (currency, amount)
                    SELECT NEW.code, 0 WHERE EXISTS (SELECT FROM approval_thresholds)
                    ON CONFLICT (currency) DO NOTHING;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "statuschange",
            FixedTrigger(
                name="status_change_continues",
                kind="definer",
                table="account_status_changes",
                when="BEFORE",
                operation="INSERT",
                declare="""
                    DECLARE found text;
                    latest timestamptz;
                """,
                func="""
                    SELECT status INTO found FROM accounts WHERE id = NEW.account_id FOR NO KEY
                        UPDATE;
                    IF NEW.from_status <> found OR NEW.to_status = found THEN
                        RAISE EXCEPTION
                            'A change starts from the status of the account, to another one.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'status_change_continues',
                            TABLE = TG_TABLE_NAME;
                    END IF;
                    IF EXISTS (
                        SELECT FROM accounts
                        JOIN users AS holder ON holder.id = accounts.user_id
                        JOIN users AS person ON person.id = NEW.changed_by_id
                        WHERE accounts.id = NEW.account_id
                        AND (holder.id = person.id OR holder.household_id = person.household_id)
                    ) AND NOT (NEW.to_status = 'closed' AND EXISTS (
                            SELECT FROM accounts JOIN users ON users.id = accounts.user_id
                            WHERE accounts.id = NEW.account_id AND users.id = NEW.changed_by_id AND
                                NOT users.is_staff
                    )) AND (
                        EXISTS (SELECT FROM approval_thresholds)
                        AND NOT pg_catalog.pg_has_role((coalesce(nullif(current_setting('role'),
                            'none'), session_user))::name, (SELECT relowner FROM pg_catalog.pg_class
                            WHERE oid = TG_RELID), 'USAGE')
                    ) THEN
                        RAISE EXCEPTION 'Staff do not freeze or close for their own household.'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'status_by_stranger',
                            TABLE = TG_TABLE_NAME;
                    END IF;
                    SELECT max(created_at) INTO latest
                    FROM account_status_changes WHERE account_id = NEW.account_id;
                    NEW.created_at := CASE WHEN NEW.created_at IS NOT NULL THEN
                        greatest(clock_timestamp(), latest + interval '1 microsecond') END;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "statuschange",
            FixedTrigger(
                name="status_follows_changes",
                kind="definer",
                table="account_status_changes",
                when="AFTER",
                operation="INSERT",
                func="""
                    UPDATE accounts
                    SET status = NEW.to_status,
                    closed_at = CASE NEW.to_status WHEN 'closed' THEN NEW.created_at END
                    WHERE id = NEW.account_id;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "statuschange",
            FixedTrigger(
                name="status_by_its_author",
                kind="definer",
                table="account_status_changes",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                declare="""
                    DECLARE facts jsonb := told_facts();
                    author uuid;
                """,
                func="""
                    IF (facts ->> 'proved')::boolean THEN
                        author := (facts ->> 'person')::uuid;
                    END IF;
                    IF EXISTS (SELECT FROM fact_keys) AND NOT
                        pg_catalog.pg_has_role((coalesce(nullif(current_setting('role'), 'none'),
                        session_user))::name, (SELECT relowner FROM pg_catalog.pg_class WHERE oid =
                        TG_RELID), 'USAGE') AND EXISTS (
                        SELECT FROM added
                        WHERE changed_by_id IS NOT NULL AND changed_by_id IS DISTINCT FROM author
                            AND NOT (false)
                    ) THEN
                        RAISE EXCEPTION 'A change of status names the person who is signed in.'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'status_by_its_author',
                            TABLE = TG_TABLE_NAME;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "statuschange",
            FixedTrigger(
                name="status_change_stays",
                table="account_status_changes",
                when="BEFORE",
                operation="UPDATE OR DELETE",
                func="""
                    RAISE EXCEPTION 'A status change is never edited or deleted.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'status_change_stays', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "statuschange",
            FixedTrigger(
                name="status_changes_stay",
                table="account_status_changes",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'Status changes are never edited or deleted.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'status_changes_stay', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "limitchange",
            FixedTrigger(
                name="limit_change_is_allowed",
                kind="definer",
                table="limit_changes",
                when="BEFORE",
                operation="INSERT",
                declare="""
                    DECLARE held accounts%ROWTYPE;
                    raised numeric;
                """,
                func="""
                    SELECT * INTO held FROM accounts WHERE id = NEW.account_id FOR NO KEY UPDATE;
                    NEW.overdraft_limit_before := held.overdraft_limit;
                    NEW.transfer_limit_before := held.transfer_limit;
                    NEW.daily_limit_before := held.daily_limit;
                    NEW.created_at := CASE WHEN NEW.created_at IS NOT NULL THEN clock_timestamp()
                        END;
                    IF NOT (
                        EXISTS (SELECT FROM approval_thresholds)
                        AND NOT pg_catalog.pg_has_role((coalesce(nullif(current_setting('role'),
                            'none'), session_user))::name, (SELECT relowner FROM pg_catalog.pg_class
                            WHERE oid = TG_RELID), 'USAGE')
                    ) THEN
                        RETURN NEW;
                    END IF;
                    IF EXISTS (
                        SELECT FROM accounts
                        JOIN users AS holder ON holder.id = accounts.user_id
                        JOIN users AS person ON person.id = NEW.changed_by_id
                        WHERE accounts.id = NEW.account_id
                        AND (holder.id = person.id OR holder.household_id = person.household_id)
                    ) THEN
                        RAISE EXCEPTION 'Staff do not change limits of their household.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'limits_by_stranger', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    UPDATE approval_requests SET status = 'done', used_at = clock_timestamp(),
                    used_amount = amount
                    WHERE status = 'approved' AND expires_at > clock_timestamp() AND transaction_id
                        = NEW.id AND kind = 'limits'
                    AND from_account_id = NEW.account_id AND requested_by_id = NEW.changed_by_id
                    AND CASE WHEN parameters ? 'overdraft_limit' THEN
                        (parameters->>'overdraft_limit')::numeric IS NOT DISTINCT FROM
                            NEW.overdraft_limit
                        AND (parameters->'before'->>'overdraft_limit')::numeric IS NOT DISTINCT FROM
                            NEW.overdraft_limit_before
                    ELSE NEW.overdraft_limit IS NOT DISTINCT FROM NEW.overdraft_limit_before END
                    AND CASE WHEN parameters ? 'transfer_limit' THEN
                        (parameters->>'transfer_limit')::numeric IS NOT DISTINCT FROM
                            NEW.transfer_limit
                        AND (parameters->'before'->>'transfer_limit')::numeric IS NOT DISTINCT FROM
                            NEW.transfer_limit_before
                    ELSE NEW.transfer_limit IS NOT DISTINCT FROM NEW.transfer_limit_before END
                    AND CASE WHEN parameters ? 'daily_limit' THEN
                        (parameters->>'daily_limit')::numeric IS NOT DISTINCT FROM NEW.daily_limit
                        AND (parameters->'before'->>'daily_limit')::numeric IS NOT DISTINCT FROM
                            NEW.daily_limit_before
                    ELSE NEW.daily_limit IS NOT DISTINCT FROM NEW.daily_limit_before END;
                    raised := CASE WHEN NEW.overdraft_limit <= NEW.overdraft_limit_before THEN 0
                    WHEN coalesce(NEW.overdraft_limit / nullif(coalesce(
                                    (SELECT amount FROM approval_thresholds WHERE currency =
                                        held.currency),
                                    (SELECT amount FROM approval_thresholds WHERE currency = '*'),
                                        0), 0), 2) > 1 THEN 2
                    ELSE coalesce((NEW.overdraft_limit - NEW.overdraft_limit_before) /
                        nullif(coalesce(
                                    (SELECT amount FROM approval_thresholds WHERE currency =
                                        held.currency),
                                    (SELECT amount FROM approval_thresholds WHERE currency = '*'),
                                        0), 0), 2) END + CASE WHEN NEW.transfer_limit_before IS NULL
                                        THEN 0 WHEN NEW.transfer_limit IS NULL THEN 2
                        ELSE coalesce(greatest(NEW.transfer_limit - NEW.transfer_limit_before, 0) /
                            nullif(coalesce(
                                        (SELECT amount FROM approval_thresholds WHERE currency =
                                            held.currency),
                                        (SELECT amount FROM approval_thresholds WHERE currency =
                                            '*'), 0), 0), 2) END + CASE WHEN NEW.daily_limit_before
                                            IS NULL THEN 0 WHEN NEW.daily_limit IS NULL THEN 2
                            ELSE coalesce(greatest(NEW.daily_limit - NEW.daily_limit_before, 0) /
                                nullif(coalesce(
                                            (SELECT amount FROM approval_thresholds WHERE currency =
                                                held.currency),
                                            (SELECT amount FROM approval_thresholds WHERE currency =
                                                '*'), 0), 0), 2) END;
                            IF NOT FOUND AND raised > 0 THEN
                                INSERT INTO staff_sums (key, share) VALUES
                                (to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD') ||
                                    ' limits account ' || NEW.account_id, raised),
                                (to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD') ||
                                    ' limits clerk ' || coalesce((SELECT id FROM users WHERE id =
                                    NEW.changed_by_id AND is_staff AND deleted_at IS NULL AND (
                                                is_superuser OR EXISTS (
                                                    SELECT FROM users_groups
                                                    JOIN auth_group_permissions USING (group_id)
                                                    JOIN auth_permission ON auth_permission.id =
                                                        permission_id
                                                    WHERE users_groups.user_id = users.id AND
                                                        codename IN ('use_cash_desk',
                                                        'refund_transactions', 'manage_holds',
                                                        'change_limits')
                                                )
                                        )), '00000000-0000-0000-0000-000000000000'), raised)
                                ON CONFLICT (key) DO UPDATE SET share = staff_sums.share +
                                    excluded.share
                                ;
                            END IF;
                            RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "limitchange",
            FixedTrigger(
                name="limits_by_their_author",
                kind="definer",
                table="limit_changes",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                declare="""
                    DECLARE facts jsonb := told_facts();
                    author uuid;
                """,
                func="""
                    IF (facts ->> 'proved')::boolean THEN
                        author := (facts ->> 'person')::uuid;
                    END IF;
                    IF EXISTS (SELECT FROM fact_keys) AND NOT
                        pg_catalog.pg_has_role((coalesce(nullif(current_setting('role'), 'none'),
                        session_user))::name, (SELECT relowner FROM pg_catalog.pg_class WHERE oid =
                        TG_RELID), 'USAGE') AND EXISTS (
                        SELECT FROM added
                        WHERE changed_by_id IS NOT NULL AND changed_by_id IS DISTINCT FROM author
                            AND NOT (EXISTS (
                                SELECT FROM approval_requests AS request
                                WHERE request.transaction_id = added.id AND request.kind = 'limits'
                                AND request.requested_by_id = added.changed_by_id AND request.status
                                    = 'done'))
                    ) THEN
                        RAISE EXCEPTION 'A change of limits names the person who is signed in.'
                            USING ERRCODE = 'check_violation', CONSTRAINT =
                            'limits_by_their_author', TABLE = TG_TABLE_NAME;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "limitchange",
            FixedTrigger(
                name="limits_follow_changes",
                kind="definer",
                table="limit_changes",
                when="AFTER",
                operation="INSERT",
                func="""
                    UPDATE accounts SET overdraft_limit = NEW.overdraft_limit,
                    transfer_limit = NEW.transfer_limit, daily_limit = NEW.daily_limit
                    WHERE id = NEW.account_id;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "limitchange",
            FixedTrigger(
                name="limit_change_stays",
                table="limit_changes",
                when="BEFORE",
                operation="UPDATE OR DELETE",
                func="""
                    RAISE EXCEPTION 'A change of limits stays as it is.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'limit_change_stays', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "limitchange",
            FixedTrigger(
                name="limit_changes_stay",
                table="limit_changes",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'A change of limits stays as it is.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'limit_changes_stay', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
    ]
