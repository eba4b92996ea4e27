"""Inserts visits to cash machines into the practice bank, and creates a partitioned table and a
materialized view of visits.
"""

from django.db.backends.utils import CursorWrapper

VISITS = 5_000
INSERT = """
    INSERT INTO visits (
        token, country, machine, card, place, during, amount, seconds, methods
    )
    SELECT
        md5(number::text), left(city, 2), city || to_char(number / 5 %% 40, 'FM000'),
        'C' || to_char(number %% 500, 'FM0000'), place || ' ' || number %% 250,
        tstzrange(since, since + (2 + number %% 5) * interval '1 minute'),
        amount, 20 + amount / 4 + number * 13 %% 11,
        1 + CASE WHEN number %% 5 < 2 THEN 2 ELSE 0 END
            + CASE WHEN number %% 5 < 4 AND number %% 3 = 0 THEN 4 ELSE 0 END
    FROM generate_series(1, %s) AS number,
        LATERAL (SELECT
            (ARRAY['fi/helsinki/', 'pt/lisbon/', 'pt/porto/', 'es/madrid/', 'no/oslo/'])
                [1 + number %% 5],
            (ARRAY['Café São Jorge, Rua Nova', 'Tasca Central, Calle Mayor',
                'Bäckerei Möller, Hauptstraße', 'Łukasz Market, Rynek', 'kiosk Håkon, Storgata'])
                [1 + number / 7 %% 5],
            timestamptz '2026-06-01 00:00+00' + number * interval '8 minutes',
            10 * (1 + number * 7 %% 20)
        ) AS made (city, place, since, amount)
"""
# Every partition needs its own statement; a row for which no partition exists is refused.
PARTITIONS = """
    CREATE TABLE visit_log (
        day date NOT NULL, number integer NOT NULL, amount integer NOT NULL,
        PRIMARY KEY (day, number)
    ) PARTITION BY RANGE (day);
    CREATE TABLE visit_log_q1 PARTITION OF visit_log
        FOR VALUES FROM ('2026-01-01') TO ('2026-04-01');
    CREATE TABLE visit_log_q2 PARTITION OF visit_log
        FOR VALUES FROM ('2026-04-01') TO ('2026-07-01');
    CREATE TABLE visit_log_q3 PARTITION OF visit_log
        FOR VALUES FROM ('2026-07-01') TO ('2026-10-01')
"""
FILL_PARTITIONS = """
    INSERT INTO visit_log
    SELECT date '2026-01-01' + number %% 273, number, 10 * (1 + number %% 20)
    FROM generate_series(1, %s) AS number
"""
MATERIALIZED = """
    CREATE MATERIALIZED VIEW visits_of_countries AS
    SELECT country, count(*) AS visits, sum(amount) AS total FROM visits GROUP BY country;
    CREATE UNIQUE INDEX visits_of_countries_key ON visits_of_countries (country)
"""


def insert_visits(cursor: CursorWrapper) -> None:
    """Inserts visits of about four weeks to 200 machines in five cities, and creates the table and
    the view.
    """
    cursor.execute(INSERT, [VISITS])
    cursor.execute(PARTITIONS)
    cursor.execute(FILL_PARTITIONS, [VISITS])
    cursor.execute(MATERIALIZED)
