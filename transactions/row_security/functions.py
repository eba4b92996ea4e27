"""The schema `row_security`: keys, known counterparties, and the functions that policies ask.

Each function that a policy asks runs with the owner's rights and checks the token by itself, so
nothing that the web role can set is believed.
"""

SCHEMA = "row_security"

TABLES = """
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

# The token is "person scope expires signature". Its signature is compared before anything of it is
# read. NULL, and so no row, for a token that is missing, forged or too old.
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

# The numbers are those of `ledger.db.row_security.RowScope`.
FUNCTIONS = {
    "person() RETURNS uuid": "(row_security.claims())[1]::uuid",
    "reads_directory() RETURNS boolean": "coalesce((row_security.claims())[2]::int >= 2, false)",
    "locks_accounts() RETURNS boolean": "coalesce((row_security.claims())[2]::int >= 3, false)",
    "reads_bank() RETURNS boolean": "coalesce((row_security.claims())[2]::int >= 4, false)",
    "writes_bank() RETURNS boolean": "coalesce((row_security.claims())[2]::int >= 5, false)",
    "signs_in() RETURNS boolean": "coalesce((row_security.claims())[2]::int IN (0, 5), false)",
    "reads_people() RETURNS boolean": (
        "coalesce((row_security.claims())[2]::int IN (0, 4, 5), false)"
    ),
    "accounts() RETURNS uuid[]": (
        "ARRAY(SELECT id FROM public.accounts WHERE user_id = (row_security.claims())[1]::uuid)"
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
DROP TRIGGER IF EXISTS row_security_counterparties ON transactions;
CREATE TRIGGER row_security_counterparties AFTER INSERT ON transactions
REFERENCING NEW TABLE AS added FOR EACH STATEMENT
EXECUTE FUNCTION row_security.note_counterparties();
"""


def function_sql(signature: str, expression: str) -> str:
    """The SQL of one function that policies ask."""
    name = signature.partition(" ")[0]
    return f"""
        CREATE OR REPLACE FUNCTION row_security.{signature}
        LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER
        SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN {expression}; END $$;
        REVOKE ALL ON FUNCTION row_security.{name} FROM PUBLIC;
    """


def check_first_sql(table: str, writes: str) -> str:
    """The SQL of a trigger that asks the policy of INSERT before all other triggers of the table.

    Postgres asks it after them. They run with the rights of the owner, so their refusals would tell
    of accounts that the policies hide.
    """
    name = f"row_security.check_{table}"
    return f"""
        CREATE OR REPLACE FUNCTION {name}() RETURNS trigger
        LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
        BEGIN
            IF NOT pg_has_role(
                current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER'
            ) AND (SELECT {writes} FROM (SELECT NEW.*) AS added) IS NOT TRUE THEN
                RAISE EXCEPTION 'new row violates row-level security policy for table "{table}"'
                USING ERRCODE = 'insufficient_privilege';
            END IF;
            RETURN NEW;
        END $$;
        REVOKE ALL ON FUNCTION {name}() FROM PUBLIC;
        CREATE OR REPLACE TRIGGER a_row_security BEFORE INSERT ON {table}
        FOR EACH ROW EXECUTE FUNCTION {name}();
    """  # noqa: S608 - put together from constants
