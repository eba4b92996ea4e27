"""`python -m tests.migration_rules`: prints what breaks a rule, and exits 1 if anything does."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger.settings")
django.setup()

from tests.migration_rules.check import findings  # noqa: E402

found = list(findings())
print("\n".join(found) or "Migrations: each new one keeps the rules of docs/migrations.md.")
sys.exit(bool(found))
