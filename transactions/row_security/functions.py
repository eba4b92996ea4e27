"""Defines the schema `row_security`. It contains a table of keys, a table of accounts that have
paid each other, and the functions that policies call.

Each function runs with the rights of the tables' owner and verifies the token itself. So the web
role cannot pretend to be another reader.
"""

from ledger.db.triggers import TRUSTS_USER

SCHEMA = "row_security"

OWN_TABLES = """
CREATE SCHEMA row_security;
CREATE TABLE row_security.keys (inner_pad bytea PRIMARY KEY, outer_pad bytea NOT NULL);
COMMENT ON TABLE row_security.keys IS 'Keys of the tokens; the web role has no right to it';
CREATE TABLE row_security.counterparties (
    other_id uuid, account_id uuid, PRIMARY KEY (other_id, account_id)
);
COMMENT ON TABLE row_security.counterparties IS 'Which accounts have paid each other';
ALTER TABLE row_security.counterparties ENABLE ROW LEVEL SECURITY;
INSERT INTO row_security.counterparties (other_id, account_id)
SELECT from_account_id, to_account_id FROM transactions
WHERE from_account_id IS NOT NULL AND to_account_id IS NOT NULL
UNION
SELECT to_account_id, from_account_id FROM transactions
WHERE from_account_id IS NOT NULL AND to_account_id IS NOT NULL;
"""

# The token is "person scope expires signature". The signature is checked before the other parts are
# used. For a missing, forged or expired token, the function returns NULL, and the policies return
# no rows.
CLAIMS = """
CREATE OR REPLACE FUNCTION row_security.claims() RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    token text[] := string_to_array(current_setting('ledger.reader', true), ' ');
    message bytea;
BEGIN
    IF cardinality(token) IS DISTINCT FROM 4 THEN
        RETURN NULL;
    END IF;
    message := convert_to(concat_ws(' ', token[1], token[2], token[3]), 'UTF8');
    IF NOT EXISTS (
        SELECT FROM row_security.keys
        WHERE encode(sha256(outer_pad || sha256(inner_pad || message)), 'hex') = token[4]
    ) THEN
        RETURN NULL;
    END IF;
    IF to_timestamp(token[3]::bigint) <= clock_timestamp() THEN
        RETURN NULL;
    END IF;
    RETURN token;
END $$;
REVOKE ALL ON FUNCTION row_security.claims() FROM PUBLIC;
"""

# The numbers in these conditions are the values of `ledger.db.rights.row_security.RowScope`.
_SCOPE = "(row_security.claims())[2]::int"
_PERSON = "(row_security.claims())[1]::uuid"


def _in_scopes(condition: str) -> str:
    return f"coalesce({_SCOPE} {condition}, false)"


# True if the person in a STAFF token is active staff with one of these permissions, or a superuser,
# as in Django's `has_perm`. So a person who has only a token, but no permission, cannot write.
_MAY = f"""{_in_scopes(">= 5")} AND EXISTS (
    SELECT FROM public.users AS one
    WHERE one.id = {_PERSON} AND one.deleted_at IS NULL AND (
        one.is_superuser OR one.is_staff AND (
            EXISTS (
                SELECT FROM public.users_groups AS membership
                JOIN public.auth_group_permissions USING (group_id)
                JOIN public.auth_permission ON auth_permission.id = permission_id
                WHERE membership.user_id = one.id AND codename = ANY (codenames)
            ) OR EXISTS (
                SELECT FROM public.users_user_permissions AS given
                JOIN public.auth_permission ON auth_permission.id = permission_id
                WHERE given.user_id = one.id AND codename = ANY (codenames)
            )
        )
    )
)"""  # noqa: S608 - put together from constants
FUNCTIONS = {
    "person() RETURNS uuid": _PERSON,
    "reads_directory() RETURNS boolean": _in_scopes(">= 2"),
    "locks_accounts() RETURNS boolean": _in_scopes(">= 3"),
    "reads_bank() RETURNS boolean": _in_scopes(">= 4"),
    "is_staff() RETURNS boolean": _in_scopes(">= 5"),
    "audits() RETURNS boolean": _in_scopes("= 6"),
    "signs_in() RETURNS boolean": _in_scopes("= 0"),
    "reads_people() RETURNS boolean": _in_scopes("IN (0, 4, 5, 6)"),
    "may(codenames text[]) RETURNS boolean": _MAY,
    "is_approved(row_id uuid) RETURNS boolean": """EXISTS (
        SELECT FROM public.approval_requests AS request
        WHERE request.transaction_id = row_id AND request.status IN ('approved', 'done')
    )""",
    # The table provider_groups contains the groups of the setting OIDC_GROUPS. Only the owner of
    # the tables writes it. Without an identity provider, the table is empty.
    "is_of_provider(wanted integer) RETURNS boolean": """EXISTS (
        SELECT FROM public.provider_groups JOIN public.auth_group USING (name)
        WHERE auth_group.id = wanted
    )""",
    "has_provider() RETURNS boolean": "EXISTS (SELECT FROM public.provider_groups)",
    "accounts() RETURNS uuid[]": (
        f"ARRAY(SELECT id FROM public.accounts WHERE user_id = {_PERSON})"  # noqa: S608
    ),
}

NOTE_COUNTERPARTIES = """
CREATE OR REPLACE FUNCTION row_security.note_counterparties() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO row_security.counterparties (other_id, account_id)
    SELECT other_id, account_id FROM (
        SELECT from_account_id AS other_id, to_account_id AS account_id FROM added
        UNION
        SELECT to_account_id, from_account_id FROM added
    ) AS sides
    WHERE other_id IS NOT NULL AND account_id IS NOT NULL
    ORDER BY other_id, account_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION row_security.note_counterparties() FROM PUBLIC;
"""
NOTES_COUNTERPARTIES = """
CREATE OR REPLACE TRIGGER row_security_counterparties AFTER INSERT ON transactions
REFERENCING NEW TABLE AS added FOR EACH STATEMENT
EXECUTE FUNCTION row_security.note_counterparties();
"""


def name_of(signature: str) -> str:
    """Returns the function's name and parameters as GRANT and REVOKE need them."""
    return signature.partition(" RETURNS ")[0]


def function_sql(signature: str, expression: str) -> str:
    """Returns the SQL that creates a function which policies call."""
    name = name_of(signature)
    return f"""
        CREATE OR REPLACE FUNCTION row_security.{signature}
        LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER
        SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN {expression}; END $$;
        REVOKE ALL ON FUNCTION row_security.{name} FROM PUBLIC;
    """


def check_first_sql(table: str, writes: str) -> tuple[str, str]:
    """Returns the SQL of a function and the SQL of its trigger. The trigger checks the INSERT
    policy before all other triggers of the table run.

    Postgres itself checks the policy only after the triggers. The triggers run with the rights of
    the owner, so their errors would reveal accounts that the policies hide.
    """
    name = f"row_security.check_{table}"
    function = f"""
        CREATE OR REPLACE FUNCTION {name}() RETURNS trigger
        LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
        BEGIN
            IF NOT {TRUSTS_USER}
               AND (SELECT {writes} FROM (SELECT NEW.*) AS added) IS NOT TRUE
            THEN
                RAISE EXCEPTION 'new row violates row-level security policy for table "{table}"'
                USING ERRCODE = 'insufficient_privilege';
            END IF;
            RETURN NEW;
        END $$;
        REVOKE ALL ON FUNCTION {name}() FROM PUBLIC;
    """  # noqa: S608 - put together from constants
    trigger = f"""
        CREATE OR REPLACE TRIGGER a_row_security BEFORE INSERT ON {table}
        FOR EACH ROW EXECUTE FUNCTION {name}();
    """
    return function, trigger
