"""The sign-ins of the demo data, printed for everybody to use."""

PASSWORD = "ledger-demo"  # noqa: S105  no secret
SIGN_INS = {
    "ana": "ana@example.com",
    "staff": "staff@example.com",
    "manager": "manager@example.com",
    "second_manager": "manager2@example.com",
    "auditor": "auditor@example.com",
    "people_admin": "people@example.com",
    "support": "support@example.com",
    "analyst": "analyst@example.com",
}
ROLES = {
    "ana": "Customer",
    "staff": "Staff (operations)",
    "manager": "Staff (manager)",
    "second_manager": "Staff (second manager)",
    "auditor": "Staff (auditor)",
    "people_admin": "Staff (people)",
    "support": "Staff (support)",
    "analyst": "Analyst",
}
