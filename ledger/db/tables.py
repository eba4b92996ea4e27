"""The rights to the tables of the app `ledger_db`, such as jobs, migrations and caches."""

from ledger.db.rights.policies import READS_BANK, Policy
from ledger.db.rights.registered_tables import EVERYTHING, READ, Table, register, register_functions

# Reports about the whole bank have separate keys in the cache.
NO_REPORT = f"cache_key NOT LIKE '%:report:%' OR {READS_BANK}"
register(
    {
        "job_records": Table(
            web=READ,
            worker=EVERYTHING,
            auditor="SELECT, INSERT, UPDATE",
            rows="when scheduled work was done",
            personal_data="none",
        ),
        "writer_mark": Table(
            web="SELECT, UPDATE (started_at)",
            worker="SELECT, UPDATE (started_at)",
            rows="when the server that writes has started",
            personal_data="none",
        ),
        "django_migrations": Table(
            web=READ, worker=READ, rows="names of migrations", personal_data="none"
        ),
        "django_content_type": Table(
            web=READ, worker=READ, rows="names of models", personal_data="none"
        ),
        "cache": Table(
            web=EVERYTHING,
            worker="SELECT, DELETE",
            auditor="",
            rows=Policy(reads=NO_REPORT, writes=NO_REPORT),
            personal_data="amounts in reports, for minutes",
        ),
        "fact_keys": Table(
            web="", worker="", auditor="",
            rows="keys of signed facts, which only the owner reads",
            personal_data="none",
        ),
    }
)  # fmt: skip
register_functions("session_states()", web=True, worker=True)
