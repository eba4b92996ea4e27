"""Settings of the log: levels, filters, and the format, which is text or JSON."""

from typing import Any


def logging(*, level: str, is_json: bool) -> dict[str, Any]:
    """Returns LOGGING, which writes to standard error the records from `level` (LOG_LEVEL) on."""
    # With JSON, the stream is the stderr of the process, because some commands turn what is written
    # to sys.stderr into records (ledger/logs/output.py).
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
    """Returns the loggers whose level, filters or handlers differ from the default."""
    at_least_info = "DEBUG" if level == "DEBUG" else "INFO"
    return {
        # Django's own handlers would print each message twice, or mail it.
        "django": {"handlers": [], "level": level},
        "django.request": {"filters": ["outages"]},
        # At DEBUG, these log SQL statements with their values, and template contexts.
        "django.db.backends": {"level": "INFO"},
        "django.template": {"level": "INFO"},
        # At DEBUG, these log passwords and tokens from AWS.
        "botocore": {"level": "INFO"},
        "aws_advanced_python_wrapper": {"level": "INFO"},
        # Below WARNING, a pool logs each connection that it hands out, and psycopg logs a server's
        # message about a refused connection, which may contain user names.
        "psycopg": {"level": "WARNING", "filters": ["server_text"]},
        "psycopg.pool": {"filters": ["server_text"]},
        # One line for each request. As text, it needs LOG_LEVEL=INFO or DEBUG.
        "ledger.requests": {"level": at_least_info if is_json else level},
        # One line for each process, with the same rule.
        "ledger.start": {"level": at_least_info if is_json else level},
        # Output of commands, if it becomes records.
        "ledger.output": {"level": "INFO"},
        "ledger.jobs": {"level": at_least_info},
        "transactions.management": {"level": at_least_info},
        # JSON lines about sign-ins, refusals and approvals at every LOG_LEVEL (docs/security.md).
        "ledger.security": {"handlers": ["bare"], "level": "INFO", "propagate": False},
        # JSON lines about the replica in use and its lag at every LOG_LEVEL (docs/databases.md).
        "ledger.replicas": {"handlers": ["bare"], "level": "INFO", "propagate": False},
    }
