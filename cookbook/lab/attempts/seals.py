"""Attempts to break the rules of seals, sealed days and audits."""

from dataclasses import replace

from cookbook.lab.attempts.attempt import FOREIGN_KEY, NOT_NULL, UNIQUE, Attempt, ValidRow, stay

# The practice bank has no seals. Each attempt first inserts seals in the same transaction.
SEAL = ValidRow(
    "seals",
    "a seal",
    {
        "number": "1",
        "version": "1",
        "starts_at": "'1900-01-01 00:00:00+00'",
        "ends_at": "'2026-07-01 00:00:00+00'",
        "row_count": "(SELECT count(*) FROM transactions)",
        "sums": "'{}'",
        "previous_digest": "NULL",
        "digest": "sha256('the first')",
        "sealed_at": "clock_timestamp()",
        "sealed_by_id": "NULL",
    },
    nullable=frozenset({"previous_digest", "sealed_by_id"}),
)
NEXT_SEAL = replace(
    SEAL.but(
        number="2",
        starts_at="'2026-07-01 00:00:00+00'",
        ends_at="'2026-07-02 00:00:00+00'",
        row_count="0",
        previous_digest="sha256('the first')",
        digest="sha256('the second')",
    ),
    also=(),
    given=(SEAL.insert,),
)
DAY = ValidRow(
    "sealed_days",
    "a sealed day",
    {
        "day": "'2026-06-30'",
        "seal_id": "1",
        "row_count": "1",
        "digest": "sha256('the day')",
        "fingerprints": "substr(sha256('the row'), 1, 4)",
    },
    given=(SEAL.insert,),
)
AUDIT = ValidRow(
    "audit_runs",
    "an audit",
    {
        "id": "gen_random_uuid()",
        "started_at": "clock_timestamp() - interval '1 minute'",
        "finished_at": "clock_timestamp()",
        "since": "NULL",
        "accounts": "31",
        "transactions": "10111",
        "findings": "'[]'",
        "run_by_id": "NULL",
    },
    nullable=frozenset({"since", "run_by_id"}),
)
ROWS = (SEAL, NEXT_SEAL, DAY, AUDIT)

_IN_ORDER = "The trigger accepts seals only in order, each directly after the one before."
_CLOCK = (
    "On INSERT a trigger fills in a missing time; another one refuses to update an existing row."
)

_SEALS: list[Attempt] = [
    NEXT_SEAL.attempt(
        "seal_follows",
        "Leave out a month between two seals",
        starts_at="'2026-08-01 00:00:00+00'",
        ends_at="'2026-08-02 00:00:00+00'",
    ),
    SEAL.attempt(
        "seal_is_of_the_past",
        "Seal a period that is not over",
        ends_at="clock_timestamp() + interval '1 day'",
    ),
    SEAL.attempt(
        "first_seal_begins_the_books",
        "Begin the first seal in the middle of the books",
        starts_at="'2026-06-01 00:00:00+00'",
    ),
    SEAL.attempt("seal_digest_is_sha256", "Insert a seal with an empty digest", digest="''"),
    SEAL.attempt("seal_period_valid", "Insert a seal with a negative row count", row_count="-1"),
    SEAL.attempt("seals_version_check", "Insert a seal with version -1", version="-1"),
    SEAL.attempt("seals_number_check", "Insert a seal with number -1", number="-1").checked_after(
        "seal_follows",
        f"{_IN_ORDER} Without it, first_seal_begins_the_books would refuse a number below 1.",
        and_behind="first_seal_begins_the_books",
    ),
    NEXT_SEAL.attempt(
        "seals_pkey",
        "Insert a second seal number 1",
        UNIQUE,
        number="1",
        starts_at="'1900-01-01 00:00:00+00'",
        previous_digest="NULL",
    ).checked_after("seal_follows", _IN_ORDER),
    Attempt(
        "seals",
        "seals_starts_at_key",
        "Insert a seal that starts where another starts",
        NEXT_SEAL.but(number="3", ends_at="'2026-07-03 00:00:00+00'").insert,
        UNIQUE,
        given=(*NEXT_SEAL.given, NEXT_SEAL.insert),
    ).checked_after("seal_follows", _IN_ORDER),
    NEXT_SEAL.attempt(
        "seals_ends_at_key",
        "Insert a seal that ends where another ends",
        UNIQUE,
        starts_at="'2026-06-01 00:00:00+00'",
        ends_at="'2026-07-01 00:00:00+00'",
    ).checked_after("seal_follows", _IN_ORDER),
    SEAL.attempt(
        "seals_sealed_by_id_1d798431_fk_users_id",
        "Insert a seal by an unknown user",
        FOREIGN_KEY,
        sealed_by_id="gen_random_uuid()",
    ),
    *stay(
        "seal_stays",
        "seals_stay",
        "seals",
        "UPDATE seals SET digest = sha256('another')",
        (SEAL.insert,),
    ),
    *SEAL.left_out(),
]
_DAYS: list[Attempt] = [
    DAY.attempt("sealed_day_valid", "Insert a sealed day without rows", row_count="0"),
    DAY.attempt(
        "sealed_days_seal_id_1effdf06_fk_seals_number",
        "Insert a sealed day of an unknown seal",
        FOREIGN_KEY,
        seal_id="99",
    ),
    Attempt(
        "sealed_days",
        "sealed_days_pkey",
        "Insert the same sealed day twice",
        DAY.but(digest="sha256('another')").insert,
        UNIQUE,
        given=(*DAY.given, DAY.insert),
    ),
    *stay(
        "sealed_day_stays",
        "sealed_days_stay",
        "sealed_days",
        "DELETE FROM sealed_days",
        (*DAY.given, DAY.insert),
    ),
    *DAY.left_out(),
]
_AUDITS: list[Attempt] = [
    AUDIT.attempt(
        "audit_run_is_of_now",
        "Insert a clean audit dated next year",
        started_at="clock_timestamp() + interval '1 year'",
        finished_at="clock_timestamp() + interval '1 year'",
    ),
    AUDIT.attempt(
        "audit_run_times_rise",
        "Insert an audit that ends before it begins",
        started_at="clock_timestamp()",
        finished_at="clock_timestamp() - interval '1 minute'",
    ),
    AUDIT.attempt(
        "audit_run_readable",
        "Insert an audit with unreadable findings",
        findings="'{\"found\": 0}'",
    ),
    AUDIT.attempt(
        "audit_runs_run_by_id_745022ce_fk_users_id",
        "Insert an audit by an unknown user",
        FOREIGN_KEY,
        run_by_id="gen_random_uuid()",
    ),
    AUDIT.but("twice").attempt(
        "audit_runs_pkey",
        "Insert an audit with an id that is taken",
        UNIQUE,
        id="'019e0000-0000-7000-8000-000000000000'",
    ),
    *stay(
        "audit_run_stays",
        "audit_runs_stay",
        "audit_runs",
        "UPDATE audit_runs SET findings = '[]'",
        (AUDIT.but(findings='\'[{"check": "chain"}]\'').insert,),
    ),
    *(
        Attempt(
            "audit_runs",
            column,
            f"Set {column} of an audit to NULL",
            f"UPDATE audit_runs SET {column} = NULL",  # noqa: S608
            NOT_NULL,
            given=(AUDIT.insert,),
        ).checked_after("audit_run_stays", _CLOCK)
        for column in ("started_at", "finished_at")
    ),
    *AUDIT.left_out(besides=("started_at", "finished_at")),
]
ATTEMPTS: list[Attempt] = [*_SEALS, *_DAYS, *_AUDITS]
