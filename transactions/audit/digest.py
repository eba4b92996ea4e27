"""Builds the SQL that converts a row to a text. The digest of the row is computed from this text.
docs/audit.md describes the format of the text.

The text is unambiguous. A row is written as a JSON array, so two different rows never have the same
text. Times are in UTC and dates in ISO format for any session settings. They are never infinite and
never have an era, because the CHECK `transaction_values_finite` refuses such values. Metadata is
written as `jsonb`, which has a fixed order of keys. A seal stores the version of the format, so
that the format can change.
"""

VERSION = 1


def utc(column: str) -> str:
    """Returns SQL that writes a time as text, in UTC and with microseconds. The text does not
    depend on the settings of the session.
    """
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


# All values of a row that never change. The status of a hold changes when the hold ends, so the
# text only contains `hold`. `category` and `search` are computed from the other columns.
ROW_TEXT = f"""json_build_array(
    id, from_account_id, to_account_id, amount, currency, type,
    CASE status WHEN 'completed' THEN 'completed' ELSE 'hold' END,
    description, reference, metadata,
    {utc("created_at")}, to_char(value_date, 'YYYY-MM-DD'),
    from_balance, to_balance, captures_id, reverses_id,
    {utc("expires_at")}, created_by_id)::text"""

# ROW_DIGEST is the digest of one row. ROWS are the rows of a period, each with its day and digest.
ROW_DIGEST = f"sha256(convert_to({ROW_TEXT}, 'UTF8'))"
ROWS = f"""
    SELECT (created_at AT TIME ZONE 'UTC')::date AS day, created_at, id, {ROW_DIGEST} AS digest
    FROM transactions WHERE created_at >= %(starts_at)s AND created_at < %(ends_at)s"""  # noqa: S608

# A day's digest is computed from the digests of its rows. One text of all rows could exceed
# Postgres's limit of one gigabyte per value. With OFFSET 0, Postgres computes each digest once,
# although two aggregates use it.
DAYS = f"""
    SELECT day, count(*) AS row_count,
           sha256(string_agg(digest, ''::bytea ORDER BY created_at, id)) AS digest,
           string_agg(substr(digest, 1, 4), ''::bytea ORDER BY created_at, id) AS fingerprints
    FROM ({ROWS} OFFSET 0) AS digested GROUP BY day"""  # noqa: S608

# The days that changed, with the number of sealed rows, the number of rows now, and whether only
# the fingerprints differ.
BROKEN_DAYS = f"""
    SELECT day, coalesce(sealed.row_count, 0), coalesce(now.row_count, 0),
           (now.row_count, now.digest) IS NOT DISTINCT FROM (sealed.row_count, sealed.digest)
    FROM ({DAYS}) AS now
    FULL JOIN (SELECT * FROM sealed_days WHERE day >= %(first)s AND day < %(end)s) AS sealed
         USING (day)
    WHERE (now.row_count, now.digest, now.fingerprints)
          IS DISTINCT FROM (sealed.row_count, sealed.digest, sealed.fingerprints)
    ORDER BY day"""  # noqa: S608

DIFFERING_ROWS = f"""
    SELECT place, account, id, mark
    FROM (SELECT row_number() OVER (ORDER BY created_at, id) AS place, id,
                 coalesce(from_account_id, to_account_id) AS account,
                 substr({ROW_DIGEST}, 1, 4) AS mark
          FROM transactions WHERE created_at >= %(starts_at)s AND created_at < %(ends_at)s) AS rows
    WHERE substr(%(marks)s::bytea, (place * 4 - 3)::integer, 4) <> mark
    ORDER BY place LIMIT 2"""  # noqa: S608

SUMS = """
    SELECT coalesce(jsonb_object_agg(currency, sums), '{}')
    FROM (SELECT currency, jsonb_object_agg(type, total) AS sums
          FROM (SELECT currency, type, sum(amount)::text AS total FROM transactions
                WHERE created_at >= %(starts_at)s AND created_at < %(ends_at)s
                  AND status = 'completed'
                GROUP BY currency, type) AS by_type
          GROUP BY currency) AS by_currency"""

# The digest of a row of `seals`, or of a row to insert.
SEAL_DIGEST = f"""
    sha256(convert_to(json_build_array(
        'ledger seal', version, number, {utc("starts_at")}, {utc("ends_at")}, row_count, sums,
        encode(previous_digest, 'hex'),
        (SELECT json_agg(json_build_array(
                    to_char(day, 'YYYY-MM-DD'), days.row_count, encode(days.digest, 'hex'))
                ORDER BY day)
         FROM sealed_days AS days WHERE days.seal_id = number))::text, 'UTF8'))"""  # noqa: S608

# Inserts the days and their seal in one SQL statement. In this statement, `sealed_days` are the
# rows that were just inserted.
INSERT_SEAL = f"""
    WITH sealed_days AS (
        INSERT INTO sealed_days (seal_id, day, row_count, digest, fingerprints)
        SELECT %(number)s, day, row_count, digest, fingerprints FROM ({DAYS}) AS days
        RETURNING seal_id, day, row_count, digest)
    INSERT INTO seals (number, version, starts_at, ends_at, row_count, sums, previous_digest,
                       sealed_at, sealed_by_id, digest)
    SELECT number, version, starts_at, ends_at, row_count, sums, previous_digest,
           clock_timestamp(), %(sealed_by)s, {SEAL_DIGEST}
    FROM (SELECT %(number)s::integer AS number, {VERSION}::smallint AS version,
                 %(starts_at)s::timestamptz AS starts_at, %(ends_at)s::timestamptz AS ends_at,
                 (SELECT coalesce(sum(row_count), 0)::bigint FROM sealed_days) AS row_count,
                 ({SUMS}) AS sums, %(previous_digest)s::bytea AS previous_digest) AS made"""  # noqa: S608

# The stored seals. `recomputed` is the digest that is computed from the content of the seal.
SEALS = f"""
    SELECT number, version, starts_at, ends_at, digest, previous_digest, row_count,
           {SEAL_DIGEST} AS recomputed
    FROM seals WHERE number IS NOT NULL ORDER BY number"""  # noqa: S608
