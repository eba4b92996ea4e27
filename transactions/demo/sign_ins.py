"""The sign-ins of the demo data, printed for everybody to use."""

PASSWORD = "ledger-demo"  # noqa: S105  no secret
SIGN_INS = {
    "ana": "ana@example.com",
    "staff": "staff@example.com",
    "manager": "manager@example.com",
    "analyst": "analyst@example.com",
}
ROLES = {
    "ana": "Customer",
    "staff": "Staff (operations)",
    "manager": "Staff (manager)",
    "analyst": "Analyst",
}
