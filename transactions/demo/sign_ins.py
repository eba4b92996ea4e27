"""The email addresses and the password of the demo's users. Everybody may sign in with them, so the
password is not secret.
"""

PASSWORD = "ledger-demo"  # noqa: S105  not a secret
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
# The groups of people on the sign-in page. Each person has a role.
ROLES = {
    "Customer and analyst": {"ana": "Customer", "analyst": "Analyst"},
    "Staff": {
        "staff": "Operations",
        "support": "Support",
        "manager": "Manager",
        "second_manager": "Manager 2",
        "auditor": "Auditor",
        "people_admin": "People",
    },
}
