"""`ledger.settings` for tests, independent of the machine's `.env`.

The environment may choose the server (LEDGER_DATA_DIR, DATABASE_URL, DB_NAME, DB_USER ...), but
`.env` may not. TESTS_THROUGH=pool routes every test through Django's pool, and
TESTS_THROUGH=pgbouncer routes every test through pgbouncer in transaction mode.
"""

import os
import re
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parent.parent / ".env.example"
THROUGH = os.environ.get("TESTS_THROUGH", "")
assert THROUGH in ("", "pool", "pgbouncer"), (
    f"TESTS_THROUGH={THROUGH} is neither pool nor pgbouncer"
)
SETTING_NAMES = re.findall(r"^#?([A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE)
WHICH_SERVER = re.compile("LEDGER_DATA_DIR|LEDGER_ROW_SECURITY|DATABASE_URL|DB_.*")

# Settings with the names of other projects, which prevent the start.
NAMES_ELSEWHERE = [
    *(f"DJANGO_{name}" for name in SETTING_NAMES),
    *("EMAIL_HOST", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD"),
]
os.environ.update(dict.fromkeys(NAMES_ELSEWHERE, ""))

for _name in SETTING_NAMES:
    _chosen = os.environ.get(_name, "") if WHICH_SERVER.fullmatch(_name) else ""
    os.environ[_name] = _chosen

from ledger.env import BASE_DIR  # noqa: E402
from ledger.settings import *  # noqa: E402, F403
from ledger.settings import pool  # noqa: E402

if THROUGH == "pool":
    # Connections of one worker. Some tests have fifty threads with one connection each.
    _pool = {
        "min_size": 0,
        "max_size": 60,
        "timeout": 10,
        "reconnect_timeout": pool.RECONNECT_SECONDS,
    }
    DATABASES["default"] = pool.with_pool(DATABASES["default"], _pool)  # noqa: F405

LEDGER_COOKBOOK = True  # off by default without a demo
# tests.prepare_server sets the same password for all roles.
LEDGER_EXPLORER_PASSWORD = DATABASES["default"].get("PASSWORD", "")  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# The tests run without collectstatic, but WhiteNoise needs a folder that exists.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# The value in the environment. A test that changes this value must restore it.
ROW_SECURITY_OF_TESTS = LEDGER_ROW_SECURITY  # noqa: F405
STATIC_ROOT = BASE_DIR / "static"
LEDGER_STAFF_SECOND_FACTOR = False  # tests of this rule turn it on
