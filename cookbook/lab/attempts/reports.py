"""Attempts to break the rules of saved reports."""

from cookbook.lab.attempts.attempt import FOREIGN_KEY, UNIQUE, Attempt, ValidRow

SAVED = ValidRow(
    "saved_reports",
    "a saved report",
    {
        "id": "gen_random_uuid()",
        "owner_id": "person.id",
        "name": "'Rent this year'",
        "report": "'spending-by-category'",
        "parameters": """'{"currency": "USD"}'::jsonb""",
        "group_id": "NULL",
    },
    ("person",),
    nullable=frozenset({"group_id"}),
)
ROWS = (SAVED,)
ATTEMPTS: list[Attempt] = [
    SAVED.attempt(
        "saved_report_parameters_are_object",
        "Insert a saved report whose parameters are a list",
        parameters="""'["USD"]'::jsonb""",
    ),
    SAVED.but("twice").attempt(
        "saved_reports_pkey",
        "Insert a saved report with an id that is taken",
        UNIQUE,
        id="'019e0000-0000-7000-8000-000000000000'",
    ),
    SAVED.attempt(
        "saved_reports_owner_id_73a10834_fk_users_id",
        "Insert a saved report for an unknown user",
        FOREIGN_KEY,
        owner_id="gen_random_uuid()",
    ),
    SAVED.attempt(
        "saved_reports_group_id_533beff0_fk_auth_group_id",
        "Share a saved report with an unknown group",
        FOREIGN_KEY,
        group_id="-1",
    ),
    *SAVED.left_out(),
]
