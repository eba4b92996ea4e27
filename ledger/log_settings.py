"""The log: which logger writes what, and as text for people or as JSON for programs."""

from typing import Any


def logging(*, level: str, is_json: bool) -> dict[str, Any]:
    """LOGGING: everything goes to standard error, from LOG_LEVEL `level` on."""
    # Of the process: while some commands run, sys.stderr becomes records (ledger/logs/output.py).
    stream = f"ext://sys.{'__stderr__' if is_json else 'stderr'}"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": "ledger.web.log_filters.WithoutValues",
                "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
            },
            "bare": {"format": "%(message)s"},
            "json": {"()": "ledger.web.json_lines.JsonLines"},
        },
        "filters": {
            "refusals": {"()": "ledger.web.log_filters.RefusalsInOneLine"},
            "outages": {"()": "ledger.web.log_filters.OutagesInOneLine"},
            "server_text": {"()": "ledger.web.log_filters.WithoutServerText"},
        },
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "json" if is_json else "line",
                "stream": stream,
                "filters": ["refusals"],
            },
            "bare": {
                "class": "logging.StreamHandler",
                "formatter": "json" if is_json else "bare",
                "stream": stream,
            },
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": _loggers(level, is_json=is_json),
    }


def _loggers(level: str, *, is_json: bool) -> dict[str, dict[str, Any]]:
    """Loggers with a level or a form of their own."""
    at_least_info = "DEBUG" if level == "DEBUG" else "INFO"
    return {
        # Django's own handlers would print each message twice, or mail it.
        "django": {"handlers": [], "level": level},
        "django.request": {"filters": ["outages"]},
        # Below INFO they log statements with their values, and contexts of templates.
        "django.db.backends": {"level": "INFO"},
        "django.template": {"level": "INFO"},
        # So do these, with the passwords and tokens that AWS gives out.
        "botocore": {"level": "INFO"},
        "aws_advanced_python_wrapper": {"level": "INFO"},
        # Below WARNING a pool logs each connection that it gives, and psycopg what servers say when
        # they refuse one, which may have users in it.
        "psycopg": {"level": "WARNING", "filters": ["server_text"]},
        "psycopg.pool": {"filters": ["server_text"]},
        # One line for each request; in text only from LOG_LEVEL=INFO on.
        "ledger.requests": {"level": at_least_info if is_json else level},
        # One line for each process; as text it has the same level.
        "ledger.start": {"level": at_least_info if is_json else level},
        # What commands print and do, where it becomes records.
        "ledger.output": {"level": "INFO"},
        "ledger.jobs": {"level": at_least_info},
        "transactions.management": {"level": at_least_info},
        # Lines of JSON, whatever LOG_LEVEL is: sign-ins, refusals, approvals (docs/security.md).
        "ledger.security": {"handlers": ["bare"], "level": "INFO", "propagate": False},
        # Also lines of JSON: which replica is used, and how far behind it is (docs/databases.md).
        "ledger.replicas": {"handlers": ["bare"], "level": "INFO", "propagate": False},
    }
