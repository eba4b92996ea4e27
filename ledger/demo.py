"""The sign-ins of the demo data, which everybody may know."""

DEMO_SIGN_INS = (
    ("ana@example.com", "Customer"),
    ("staff@example.com", "Staff"),
    ("analyst@example.com", "Analyst"),
)
DEMO_PASSWORD = "ledger-demo"  # noqa: S105  printed, for everybody to use
