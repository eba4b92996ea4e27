"""Settings for the log: levels, filters and format (text or JSON)."""

from typing import Any


def logging(*, level: str, is_json: bool) -> dict[str, Any]:
    """Returns the value of LOGGING. Records of `level` (LOG_LEVEL) and higher go to standard
    error.
    """
    # For JSON, the stream is the stderr of the process. Some commands convert text that is written
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
    """Returns the loggers whose level, filter or handler is not the default."""
    at_least_info = "DEBUG" if level == "DEBUG" else "INFO"
    without_debug = "INFO" if level == "DEBUG" else level
    return {
        # Django's handlers would print each message a second time, or send it by email.
        "django": {"handlers": [], "level": level},
        "django.request": {"filters": ["outages"]},
        # At the level DEBUG, these loggers write SQL statements with their values, and template
        # contexts.
        "django.db.backends": {"level": without_debug},
        "django.template": {"level": without_debug},
        # At the level DEBUG, these loggers write passwords and tokens from AWS.
        "botocore": {"level": without_debug},
        "aws_advanced_python_wrapper": {"level": without_debug},
        # Below the level WARNING, a pool logs each connection that is taken from it. psycopg logs
        # the server's message about a refused connection, which may contain user names.
        "psycopg": {"level": "WARNING", "filters": ["server_text"]},
        "psycopg.pool": {"filters": ["server_text"]},
        # One line for each request. With LOG_FORMAT=text, this needs LOG_LEVEL=INFO or DEBUG.
        "ledger.requests": {"level": at_least_info if is_json else level},
        # One line for each process, under the same conditions.
        "ledger.start": {"level": at_least_info if is_json else level},
        # The output of commands, if it is converted to records.
        "ledger.output": {"level": "INFO"},
        "ledger.jobs": {"level": at_least_info},
        "transactions.management": {"level": at_least_info},
        # JSON lines about sign-ins, refusals and approvals. They are written at every LOG_LEVEL
        # (docs/security.md).
        "ledger.security": {"handlers": ["bare"], "level": "INFO", "propagate": False},
        # JSON lines about the replica in use and its delay. They are written at every LOG_LEVEL
        # (docs/databases.md).
        "ledger.replicas": {"handlers": ["bare"], "level": "INFO", "propagate": False},
    }
