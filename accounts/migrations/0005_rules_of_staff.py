"""The rules for people and staff: rights, approvals by a second person, tokens, and the read
log.
"""

from django.db import migrations
from pgtrigger.migrations import AddTrigger

from ledger.db.triggers import FixedTrigger


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_rules_of_accounts")]

    operations = [
        AddTrigger(
            "user",
            FixedTrigger(
                name="superuser_by_command",
                table="users",
                when="BEFORE",
                operation='INSERT OR UPDATE OF "is_superuser"',
                func="""
                    IF NEW.is_superuser AND NOT (TG_OP = 'UPDATE' AND OLD.is_superuser)
                    AND NOT pg_catalog.pg_has_role(current_user, (SELECT relowner FROM
                        pg_catalog.pg_class WHERE oid = TG_RELID), 'USAGE')
                    THEN
                        RAISE EXCEPTION 'Superusers are made by manage.py createsuperuser.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'superuser_by_command', TABLE
                            = TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "user",
            FixedTrigger(
                name="user_rights_end_sessions",
                table="users",
                when="BEFORE",
                operation='UPDATE OF "is_staff", "is_superuser", "deleted_at", "session_version"',
                func="""
                    NEW.session_version := GREATEST(OLD.session_version, NEW.session_version);
                    IF (OLD.is_staff, OLD.is_superuser, OLD.deleted_at)
                    IS DISTINCT FROM (NEW.is_staff, NEW.is_superuser, NEW.deleted_at) THEN
                        NEW.session_version := NEW.session_version + 1;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "user",
            FixedTrigger(
                name="staff_before_groups",
                kind="definer",
                table="users",
                when="AFTER",
                operation='UPDATE OF "is_staff"',
                condition="WHEN (NEW.is_staff AND NOT OLD.is_staff)",
                func="""
                    IF (
                        EXISTS (SELECT FROM approval_thresholds)
                        AND NOT pg_catalog.pg_has_role((coalesce(nullif(current_setting('role'),
                            'none'), session_user))::name, (SELECT relowner FROM pg_catalog.pg_class
                            WHERE oid = TG_RELID), 'USAGE')
                    ) AND EXISTS (
                        SELECT FROM users_groups AS membership
                        WHERE user_id = NEW.id AND (EXISTS (
                                SELECT FROM auth_group_permissions
                                JOIN auth_permission ON auth_permission.id = permission_id
                                WHERE group_id = membership.group_id AND codename IN
                                    ('use_cash_desk', 'refund_transactions', 'manage_holds',
                                    'change_limits', 'decide_approvals', 'give_groups')
                            ) AND NOT EXISTS (
                                SELECT FROM provider_groups
                                JOIN auth_group USING (name)
                                JOIN socialaccount_socialaccount AS known ON known.user_id =
                                    membership.user_id
                                WHERE auth_group.id = membership.group_id
                        ))
                    ) THEN
                        RAISE EXCEPTION 'Members of this group become staff by an approval.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'staff_before_groups', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "groupmembership",
            FixedTrigger(
                name="group_membership_ends_sessions",
                kind="definer",
                table="users_groups",
                when="AFTER",
                operation="INSERT OR UPDATE OR DELETE",
                func="""
                    UPDATE users SET session_version = session_version + 1
                    WHERE id = ANY(ARRAY[OLD.user_id, NEW.user_id]);
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "groupmembership",
            FixedTrigger(
                name="group_needs_approval",
                kind="definer",
                table="users_groups",
                when="AFTER",
                operation="INSERT",
                func="""
                    IF (
                        EXISTS (SELECT FROM approval_thresholds)
                        AND NOT pg_catalog.pg_has_role((coalesce(nullif(current_setting('role'),
                            'none'), session_user))::name, (SELECT relowner FROM pg_catalog.pg_class
                            WHERE oid = TG_RELID), 'USAGE')
                    ) AND (EXISTS (
                            SELECT FROM auth_group_permissions
                            JOIN auth_permission ON auth_permission.id = permission_id
                            WHERE group_id = NEW.group_id AND codename IN ('use_cash_desk',
                                'refund_transactions', 'manage_holds', 'change_limits',
                                'decide_approvals', 'give_groups')
                        ) AND NOT EXISTS (
                            SELECT FROM provider_groups
                            JOIN auth_group USING (name)
                            JOIN socialaccount_socialaccount AS known ON known.user_id = NEW.user_id
                            WHERE auth_group.id = NEW.group_id
                    )) THEN
                        UPDATE approval_requests SET status = 'done', used_at = clock_timestamp()
                        WHERE kind = 'group' AND status = 'approved' AND expires_at >
                            clock_timestamp()
                        AND person_id = NEW.user_id
                        AND parameters->>'group' = (SELECT name FROM auth_group WHERE id =
                            NEW.group_id);
                        IF NOT FOUND THEN
                            RAISE EXCEPTION 'Another person must approve this group first.' USING
                                ERRCODE = 'check_violation', CONSTRAINT = 'group_needs_approval',
                                TABLE = TG_TABLE_NAME;
                        END IF;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "personpermission",
            FixedTrigger(
                name="person_permission_ends_sessions",
                kind="definer",
                table="users_user_permissions",
                when="AFTER",
                operation="INSERT OR UPDATE OR DELETE",
                func="""
                    UPDATE users SET session_version = session_version + 1
                    WHERE id = ANY(ARRAY[OLD.user_id, NEW.user_id]);
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "grouppermission",
            FixedTrigger(
                name="group_permission_ends_sessions",
                kind="definer",
                table="auth_group_permissions",
                when="AFTER",
                operation="INSERT OR UPDATE OR DELETE",
                func="""
                    UPDATE users SET session_version = session_version + 1
                    WHERE id IN (SELECT user_id FROM users_groups
                        WHERE group_id = ANY(ARRAY[OLD.group_id, NEW.group_id]));
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "approvalrequest",
            FixedTrigger(
                name="request_asks_the_same",
                table="approval_requests",
                when="BEFORE",
                operation='UPDATE OF "parameters"',
                func="""
                    IF NEW.parameters - '{message,description,reference,metadata}'::text[] IS
                        DISTINCT FROM OLD.parameters -
                        '{message,description,reference,metadata}'::text[] THEN
                        RAISE EXCEPTION 'What a request asks for never changes.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'request_asks_the_same', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "approvalrequest",
            FixedTrigger(
                name="request_begins_pending",
                table="approval_requests",
                when="BEFORE",
                operation="INSERT",
                condition="""
                    WHEN (NEW.status <> 'pending' OR NEW.used_amount <> 0 OR NEW.used_at IS NOT
                        NULL)
                """,
                func="""
                    RAISE EXCEPTION 'A request begins undecided.' USING ERRCODE = 'check_violation',
                        CONSTRAINT = 'request_begins_pending', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "approvalrequest",
            FixedTrigger(
                name="request_is_for_others",
                kind="definer",
                table="approval_requests",
                when="BEFORE",
                operation="INSERT",
                func="""
                    IF (EXISTS (
                            SELECT FROM accounts
                            JOIN users AS holder ON holder.id = accounts.user_id
                            JOIN users AS person ON person.id = NEW.requested_by_id
                            WHERE accounts.id = NEW.from_account_id
                            AND (holder.id = person.id OR holder.household_id = person.household_id)
                        )
                        OR EXISTS (
                            SELECT FROM accounts
                            JOIN users AS holder ON holder.id = accounts.user_id
                            JOIN users AS person ON person.id = NEW.requested_by_id
                            WHERE accounts.id = NEW.to_account_id
                            AND (holder.id = person.id OR holder.household_id = person.household_id)
                        )
                        OR EXISTS (
                            SELECT FROM approval_payments AS payment
                            WHERE payment.request_id = NEW.id AND EXISTS (
                                SELECT FROM accounts
                                JOIN users AS holder ON holder.id = accounts.user_id
                                JOIN users AS person ON person.id = NEW.requested_by_id
                                WHERE accounts.id = payment.to_account_id
                                AND (holder.id = person.id OR holder.household_id =
                                    person.household_id)
                            )
                        )
                        OR EXISTS (
                            SELECT FROM users AS member
                            JOIN users AS person ON person.id = NEW.requested_by_id
                            WHERE member.id = NEW.person_id
                            AND (member.id = person.id OR member.household_id = person.household_id)
                    )) THEN
                        RAISE EXCEPTION 'Staff ask for nothing of their own household.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'request_is_for_others', TABLE
                            = TG_TABLE_NAME;
                    END IF;
                    NEW.expires_at := clock_timestamp() + (NEW.expires_at - NEW.requested_at);
                    NEW.requested_at := CASE WHEN NEW.requested_at IS NOT NULL THEN
                        clock_timestamp() END;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "approvalrequest",
            FixedTrigger(
                name="request_by_its_author",
                kind="definer",
                table="approval_requests",
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
                        WHERE requested_by_id IS NOT NULL AND requested_by_id IS DISTINCT FROM
                            author AND NOT (false)
                    ) THEN
                        RAISE EXCEPTION 'A request names the person who is signed in.' USING ERRCODE
                            = 'check_violation', CONSTRAINT = 'request_by_its_author', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "approvalrequest",
            FixedTrigger(
                name="request_changes_by_decision",
                kind="definer",
                table="approval_requests",
                when="BEFORE",
                operation='UPDATE OF "status", "decided_by_id", "decided_at", "used_at", "used_amount", "id", "kind", "transaction_id", "amount", "currency", "requested_at", "expires_at", "from_account_id", "to_account_id", "person_id", "requested_by_id"',
                declare="DECLARE before approval_requests%ROWTYPE;",
                func="""
                    before := OLD;
                    before.status := NEW.status;
                    before.decided_by_id := NEW.decided_by_id;
                    before.decided_at := NEW.decided_at;
                    before.used_at := NEW.used_at;
                    before.used_amount := NEW.used_amount;
                    before.note := NEW.note;
                    IF before IS DISTINCT FROM NEW OR NOT (
                        (OLD.status, NEW.status) IN (
                            ('pending', 'approved'), ('pending', 'declined'), ('pending',
                                'withdrawn'),
                            ('approved', 'approved'), ('approved', 'done'))
                        AND NOT (OLD.status = 'approved' AND (OLD.decided_by_id, OLD.decided_at,
                            OLD.note)
                            IS DISTINCT FROM (NEW.decided_by_id, NEW.decided_at, NEW.note))
                        AND NOT (OLD.status = 'pending' AND (NEW.used_at IS NOT NULL OR
                            NEW.used_amount <> 0))
                    )
                    THEN
                        RAISE EXCEPTION 'A request changes only by its decision, once.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'request_changes_by_decision',
                            TABLE = TG_TABLE_NAME;
                    END IF;
                    IF OLD.status = 'pending' AND NEW.status IN ('approved', 'declined') THEN
                        NEW.decided_at := clock_timestamp();
                        IF OLD.expires_at <= clock_timestamp() THEN
                            RAISE EXCEPTION 'The time to decide this request is over.' USING ERRCODE
                                = 'check_violation', CONSTRAINT = 'request_not_expired', TABLE =
                                TG_TABLE_NAME;
                        END IF;
                        IF NOT EXISTS (SELECT FROM users WHERE id = NEW.decided_by_id AND is_staff
                            AND deleted_at IS NULL AND (
                                is_superuser OR EXISTS (
                                    SELECT FROM users_groups
                                    JOIN auth_group_permissions USING (group_id)
                                    JOIN auth_permission ON auth_permission.id = permission_id
                                    WHERE users_groups.user_id = users.id AND codename =
                                        'decide_approvals'
                                )
                        )) THEN
                            RAISE EXCEPTION 'Only managers decide requests.' USING ERRCODE =
                                'check_violation', CONSTRAINT = 'decided_by_manager', TABLE =
                                TG_TABLE_NAME;
                        END IF;
                        IF (EXISTS (
                                SELECT FROM accounts
                                JOIN users AS holder ON holder.id = accounts.user_id
                                JOIN users AS person ON person.id = NEW.decided_by_id
                                WHERE accounts.id = NEW.from_account_id
                                AND (holder.id = person.id OR holder.household_id =
                                    person.household_id)
                            )
                            OR EXISTS (
                                SELECT FROM accounts
                                JOIN users AS holder ON holder.id = accounts.user_id
                                JOIN users AS person ON person.id = NEW.decided_by_id
                                WHERE accounts.id = NEW.to_account_id
                                AND (holder.id = person.id OR holder.household_id =
                                    person.household_id)
                            )
                            OR EXISTS (
                                SELECT FROM approval_payments AS payment
                                WHERE payment.request_id = NEW.id AND EXISTS (
                                    SELECT FROM accounts
                                    JOIN users AS holder ON holder.id = accounts.user_id
                                    JOIN users AS person ON person.id = NEW.decided_by_id
                                    WHERE accounts.id = payment.to_account_id
                                    AND (holder.id = person.id OR holder.household_id =
                                        person.household_id)
                                )
                            )
                            OR EXISTS (
                                SELECT FROM users AS member
                                JOIN users AS person ON person.id = NEW.decided_by_id
                                WHERE member.id = NEW.person_id
                                AND (member.id = person.id OR member.household_id =
                                    person.household_id)
                        ))
                        OR EXISTS (
                            SELECT FROM users AS one JOIN users AS other USING (household_id)
                            WHERE one.id = NEW.decided_by_id AND other.id = NEW.requested_by_id)
                        THEN
                            RAISE EXCEPTION 'Nobody decides for themselves or their household.'
                                USING ERRCODE = 'check_violation', CONSTRAINT =
                                'decided_by_stranger', TABLE = TG_TABLE_NAME;
                        END IF;
                    END IF;
                    IF NEW.status IN ('approved', 'done') AND NOT EXISTS (SELECT FROM users WHERE id
                        = NEW.requested_by_id AND is_staff AND deleted_at IS NULL AND (
                            is_superuser OR EXISTS (
                                SELECT FROM users_groups
                                JOIN auth_group_permissions USING (group_id)
                                JOIN auth_permission ON auth_permission.id = permission_id
                                WHERE users_groups.user_id = users.id AND codename = CASE NEW.kind
                                    WHEN 'deposit' THEN 'use_cash_desk' WHEN 'withdrawal' THEN
                                    'use_cash_desk' WHEN 'payment_file' THEN 'use_cash_desk' WHEN
                                    'refund' THEN 'refund_transactions' WHEN 'hold' THEN
                                    'manage_holds' WHEN 'capture' THEN 'manage_holds' WHEN 'limits'
                                    THEN 'change_limits' WHEN 'group' THEN 'give_groups' END
                            )
                    )) THEN
                        RAISE EXCEPTION 'Who asked may not do this any more.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'asked_by_staff', TABLE = TG_TABLE_NAME;
                    END IF;
                    IF OLD.status = 'pending' AND EXISTS (SELECT FROM fact_keys) AND NOT
                        pg_catalog.pg_has_role((coalesce(nullif(current_setting('role'), 'none'),
                        session_user))::name, (SELECT relowner FROM pg_catalog.pg_class WHERE oid =
                        TG_RELID), 'USAGE') AND (SELECT (facts ->> 'person')::uuid FROM told_facts()
                        AS facts
                        WHERE (facts ->> 'proved')::boolean) IS DISTINCT FROM
                    (CASE NEW.status WHEN 'withdrawn' THEN NEW.requested_by_id ELSE
                        NEW.decided_by_id END)
                    THEN
                        RAISE EXCEPTION 'A decision names the person who is signed in.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'decided_by_its_author', TABLE
                            = TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "approvalrequest",
            FixedTrigger(
                name="request_texts_stay",
                table="approval_requests",
                when="BEFORE",
                operation='UPDATE OF "reason", "parameters", "note"',
                func="""
                    IF (OLD.reason, OLD.parameters) IS DISTINCT FROM (NEW.reason, NEW.parameters)
                    OR OLD.note IS DISTINCT FROM NEW.note
                    AND NOT (OLD.status = 'pending' AND NEW.status <> 'pending')
                    THEN
                        RAISE EXCEPTION 'The texts of a request stay.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'request_texts_stay', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "approvalrequest",
            FixedTrigger(
                name="request_stays",
                table="approval_requests",
                when="BEFORE",
                operation="DELETE",
                func="""
                    RAISE EXCEPTION 'A request is never deleted.' USING ERRCODE = 'check_violation',
                        CONSTRAINT = 'request_stays', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "approvalrequest",
            FixedTrigger(
                name="requests_stay",
                table="approval_requests",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'Requests are never deleted.' USING ERRCODE = 'check_violation',
                        CONSTRAINT = 'requests_stay', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "approvalrequest",
            FixedTrigger(
                name="request_for_limits",
                kind="definer",
                table="approval_requests",
                when="BEFORE",
                operation="INSERT",
                condition="WHEN (NEW.kind = 'limits')",
                func="""
                    IF NOT EXISTS (SELECT FROM users WHERE id = NEW.requested_by_id AND is_staff AND
                        deleted_at IS NULL AND (
                            is_superuser OR EXISTS (
                                SELECT FROM users_groups
                                JOIN auth_group_permissions USING (group_id)
                                JOIN auth_permission ON auth_permission.id = permission_id
                                WHERE users_groups.user_id = users.id AND codename = CASE NEW.kind
                                    WHEN 'deposit' THEN 'use_cash_desk' WHEN 'withdrawal' THEN
                                    'use_cash_desk' WHEN 'payment_file' THEN 'use_cash_desk' WHEN
                                    'refund' THEN 'refund_transactions' WHEN 'hold' THEN
                                    'manage_holds' WHEN 'capture' THEN 'manage_holds' WHEN 'limits'
                                    THEN 'change_limits' WHEN 'group' THEN 'give_groups' END
                            )
                    )) THEN
                        RAISE EXCEPTION 'Only who may change limits asks for them.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'limits_asked_by_manager', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    IF (NEW.parameters ? 'overdraft_limit' AND
                        (NEW.parameters->>'overdraft_limit')::numeric
                        IS DISTINCT FROM (NEW.parameters->'before'->>'overdraft_limit')::numeric OR
                            NEW.parameters ? 'transfer_limit' AND
                            (NEW.parameters->>'transfer_limit')::numeric
                        IS DISTINCT FROM (NEW.parameters->'before'->>'transfer_limit')::numeric OR
                            NEW.parameters ? 'daily_limit' AND
                            (NEW.parameters->>'daily_limit')::numeric
                        IS DISTINCT FROM (NEW.parameters->'before'->>'daily_limit')::numeric) IS NOT
                            TRUE THEN
                        RAISE EXCEPTION 'A request for limits changes one at least.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'limits_asked_change', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    PERFORM FROM accounts WHERE id = NEW.from_account_id FOR NO KEY UPDATE;
                    IF current_setting('transaction_isolation') <> 'read committed' OR EXISTS (
                        SELECT FROM approval_requests
                        WHERE kind = 'limits' AND status = 'pending' AND expires_at >
                            clock_timestamp()
                        AND from_account_id = NEW.from_account_id
                        AND requested_by_id = NEW.requested_by_id
                    ) THEN
                        RAISE EXCEPTION 'One request for limits of an account waits at a time.'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'limits_asked_once',
                            TABLE = TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "approvalpayment",
            FixedTrigger(
                name="payments_are_for_others",
                kind="definer",
                table="approval_payments",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                func="""
                    IF NOT pg_catalog.pg_has_role((coalesce(nullif(current_setting('role'), 'none'),
                        session_user))::name, (SELECT relowner FROM pg_catalog.pg_class WHERE oid =
                        TG_RELID), 'USAGE') AND EXISTS (
                        SELECT FROM added JOIN approval_requests AS request ON request.id =
                            added.request_id
                        WHERE EXISTS (
                            SELECT FROM accounts
                            JOIN users AS holder ON holder.id = accounts.user_id
                            JOIN users AS person ON person.id = request.requested_by_id
                            WHERE accounts.id = added.to_account_id
                            AND (holder.id = person.id OR holder.household_id = person.household_id)
                        )
                    ) THEN
                        RAISE EXCEPTION 'Staff ask for nothing of their own household.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'request_is_for_others', TABLE
                            = TG_TABLE_NAME;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "approvalpayment",
            FixedTrigger(
                name="approval_payment_stays",
                table="approval_payments",
                when="BEFORE",
                operation="UPDATE OR DELETE",
                func="""
                    RAISE EXCEPTION 'A payment of a request never changes.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'approval_payment_stays', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "approvalpayment",
            FixedTrigger(
                name="approval_payments_stay",
                table="approval_payments",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'Payments of requests never change.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'approval_payments_stay', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "staffsum",
            FixedTrigger(
                name="sum_within_threshold",
                kind="deferred",
                table="staff_sums",
                when="AFTER",
                operation="INSERT OR UPDATE",
                condition="WHEN (NEW.share > 1)",
                func="""
                    RAISE EXCEPTION
                        'Over the threshold of the day, another person must approve it first.' USING
                        ERRCODE = 'check_violation', CONSTRAINT = 'needs_approval', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "staffsum",
            FixedTrigger(
                name="sum_only_grows",
                table="staff_sums",
                when="BEFORE",
                operation="UPDATE",
                condition="WHEN (NEW.key <> OLD.key OR NEW.share < OLD.share)",
                func="""
                    RAISE EXCEPTION 'The sum of a day only grows.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'sum_only_grows', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "staffsum",
            FixedTrigger(
                name="sum_stays",
                table="staff_sums",
                when="BEFORE",
                operation="DELETE",
                func="""
                    RAISE EXCEPTION 'The sum of a day is never deleted.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'sum_stays', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "staffsum",
            FixedTrigger(
                name="sums_stay",
                table="staff_sums",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'The sums of a day are never deleted.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'sums_stay', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "adminlogentry",
            FixedTrigger(
                name="log_entry_is_of_now",
                table="django_admin_log",
                when="BEFORE",
                operation="INSERT",
                func="""
                    NEW.action_time := CASE WHEN NEW.action_time IS NOT NULL THEN clock_timestamp()
                        END;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "adminlogentry",
            FixedTrigger(
                name="log_entry_by_its_author",
                kind="definer",
                table="django_admin_log",
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
                        WHERE user_id IS NOT NULL AND user_id IS DISTINCT FROM author AND NOT
                            (false)
                    ) THEN
                        RAISE EXCEPTION 'The log of the admin names the person who is signed in.'
                            USING ERRCODE = 'check_violation', CONSTRAINT =
                            'log_entry_by_its_author', TABLE = TG_TABLE_NAME;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "read",
            FixedTrigger(
                name="read_is_of_now",
                kind="definer",
                table="reads",
                when="BEFORE",
                operation="INSERT",
                declare="DECLARE facts jsonb := told_facts();",
                func="""
                    IF (facts ->> 'proved')::boolean AND NEW.reader_id = (facts ->> 'person')::uuid
                        THEN
                        NEW.address := coalesce(facts ->> 'address', '');
                        NEW.path := coalesce(facts ->> 'path', '');
                        NEW.request := coalesce(facts ->> 'request', '');
                    ELSIF EXISTS (SELECT FROM fact_keys) AND NOT
                        pg_catalog.pg_has_role((coalesce(nullif(current_setting('role'), 'none'),
                        session_user))::name, (SELECT relowner FROM pg_catalog.pg_class WHERE oid =
                        TG_RELID), 'USAGE')
                    THEN
                        RAISE EXCEPTION 'A read is logged for the person who is signed in.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'read_by_its_reader', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    NEW.read_at := clock_timestamp();
                    NEW.role := coalesce(nullif(current_setting('role'), 'none'), session_user);
                    NEW.session := pg_backend_pid() || coalesce(' at ' || host(inet_client_addr()),
                        '');
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "read",
            FixedTrigger(
                name="read_stays",
                table="reads",
                when="BEFORE",
                operation="UPDATE OR DELETE",
                func="""
                    RAISE EXCEPTION 'The log of reads is never edited or deleted.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'read_stays', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "read",
            FixedTrigger(
                name="reads_stay",
                table="reads",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'The log of reads is never edited or deleted.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'reads_stay', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "apitoken",
            FixedTrigger(
                name="api_token_stays",
                table="api_tokens",
                when="BEFORE",
                operation="UPDATE OR DELETE",
                func="""
                    IF TG_OP = 'DELETE' THEN
                        IF OLD.revoked_at IS NULL
                        AND (OLD.expires_at IS NULL OR OLD.expires_at > clock_timestamp()) THEN
                            RAISE EXCEPTION 'A token that works is revoked, not deleted.' USING
                                ERRCODE = 'check_violation', CONSTRAINT = 'api_token_ends_first',
                                TABLE = TG_TABLE_NAME;
                        END IF;
                        RETURN OLD;
                    END IF;
                    IF ROW(OLD.id, OLD.user_id, OLD.name, OLD.prefix, OLD.hash, OLD.scopes,
                        OLD.per_payment, OLD.per_day, OLD.currency, OLD.second_factor,
                        OLD.expires_at, OLD.created_at) IS DISTINCT FROM ROW(NEW.id, NEW.user_id,
                        NEW.name, NEW.prefix, NEW.hash, NEW.scopes, NEW.per_payment, NEW.per_day,
                        NEW.currency, NEW.second_factor, NEW.expires_at, NEW.created_at) OR
                        (OLD.revoked_at IS NOT NULL AND ROW(OLD.reason) IS DISTINCT FROM
                        ROW(NEW.reason)) THEN
                        RAISE EXCEPTION 'A token never changes: revoke it and make another one.'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'api_token_stays', TABLE
                            = TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "apitoken",
            FixedTrigger(
                name="api_token_end_is_final",
                table="api_tokens",
                when="BEFORE",
                operation="UPDATE",
                func="""
                    IF OLD.revoked_at IS NOT NULL AND ROW(OLD.revoked_at, OLD.revoked_by_id) IS
                        DISTINCT FROM ROW(NEW.revoked_at, NEW.revoked_by_id) THEN
                        RAISE EXCEPTION 'A revoked token stays revoked.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'api_token_end_is_final', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "apitoken",
            FixedTrigger(
                name="api_token_by_its_owner",
                kind="definer",
                table="api_tokens",
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
                        WHERE user_id IS NOT NULL AND user_id IS DISTINCT FROM author AND NOT
                            (false)
                    ) THEN
                        RAISE EXCEPTION 'A token is issued to who is signed in.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'api_token_by_its_owner', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
    ]
