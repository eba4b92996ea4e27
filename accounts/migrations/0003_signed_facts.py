"""The SQL that checks the signed facts of a write: see Note [Signed facts] in
ledger/db/history/signed_facts.py.
"""

from django.db import migrations

SIGNED_FACTS = """
CREATE TABLE fact_keys (inner_pad bytea PRIMARY KEY, outer_pad bytea NOT NULL);
CREATE FUNCTION told_facts() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    told text := current_setting('ledger.facts', true);
    ends text := split_part(told, ' ', 1);
    signature text := split_part(told, ' ', 2);
    facts text := substr(told, length(ends) + length(signature) + 3);
    is_proved boolean;
BEGIN
    IF coalesce(told, '') = '' THEN
        RETURN NULL;
    END IF;
    IF told !~ '^[0-9]{1,12} [0-9a-f]{64} ' THEN
        RETURN '{"proved": false}';  -- nothing of it is believed
    END IF;
    SELECT coalesce(bool_or(signature = encode(
        sha256(outer_pad || sha256(inner_pad || convert_to(ends || ' ' || facts, 'UTF8'))), 'hex')),
        false) INTO is_proved
    FROM fact_keys;
    is_proved := is_proved AND to_timestamp(ends::bigint) > clock_timestamp();
    RETURN facts::jsonb || jsonb_build_object('proved', is_proved);
END $$;
REVOKE ALL ON FUNCTION told_facts() FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_tables_of_libraries")]

    operations = [
        migrations.RunSQL(SIGNED_FACTS, "DROP FUNCTION told_facts(); DROP TABLE fact_keys")
    ]
