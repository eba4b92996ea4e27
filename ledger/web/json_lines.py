"""Writes log records as lines of JSON (`LOG_FORMAT=json`, docs/logs.md).

Note [What a line may contain]: a record consists of fixed words from the code and of values, which
may be personal data, such as a path, a name or a typed text. A line contains only values that
cannot be personal data. Other values are replaced with `withheld`. If code formats a message before
logging, this module cannot find the values in the message. Therefore a message of another package
is replaced with `withheld`, unless the source code contains the same text.
"""

import json
import linecache
import logging
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from http.client import responses
from pathlib import Path
from types import TracebackType
from typing import Any

from django.db import Error as DjangoDatabaseError
from django.http import HttpRequest
from psycopg import Error as DatabaseError

from ledger.logs import context
from ledger.tracing.spans import ids_of
from ledger.web.error_text import described, without_secrets
from ledger.web.request_log import facts_of

PROJECT = Path(__file__).resolve().parents[2]
PYTHON = Path(logging.__file__).parents[1]
WITHHELD = "withheld"
# Packages with apps: also `banking`, whose folders are the apps.
OURS = frozenset(
    file.relative_to(PROJECT).parts[0]
    for pattern in ("*/apps.py", "*/*/apps.py")
    for file in PROJECT.glob(pattern)
)
# ledger.web.log_filters has already replaced psycopg's values with texts of Ledger.
OURS_AND_PSYCOPGS = OURS | {"psycopg"}
# gunicorn's message templates are constants. Its values are checked in the same way as values of
# other packages.
TRUSTED_TEMPLATES = OURS | {"gunicorn"}
STATEMENT_LINES = 8  # number of lines of source code that may belong to one log call
WARNING = re.compile(r"(?P<place>\S*:\d+): (?P<kind>\w+): ")
MAX_FRAMES = 60


class JsonLines(logging.Formatter):
    """A formatter that writes a log record as a line of JSON: see Note [What a line may
    contain].
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "level": record.levelname,
            "logger": record.name,
        }
        if facts := getattr(record, "facts", None):
            line |= {name: value for name, value in facts.items() if name != "time"}
        else:
            line["message"] = _message(record)
        if record.levelno >= logging.WARNING and not facts:
            line["source"] = f"{_short(record.pathname)}:{record.lineno}"
        line |= _surroundings(record)
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = chain_of(record.exc_info[1])
        return json.dumps(line, default=lambda _value: WITHHELD)


def chain_of(error: BaseException) -> list[dict[str, Any]]:
    """Returns an exception and its causes as dicts, starting with the exception itself. The dicts
    contain class names, names of broken rules and stack frames, but no messages.
    """
    found: list[dict[str, Any]] = []
    each: BaseException | None = error
    while each is not None and len(found) < 10:
        found.append(_as_fields(each))
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    return found


def _as_fields(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    name = kind.__qualname__
    fields: dict[str, Any] = {
        "type": name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}"
    }
    if isinstance(error, DatabaseError | DjangoDatabaseError):
        fields["database"] = described(error)
    return fields | {"frames": _frames(error.__traceback__)}


def _frames(trace: TracebackType | None) -> list[str]:
    """Returns the last MAX_FRAMES stack frames of an exception as texts. The frame that raised the
    exception is last.
    """
    found = []
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append(f"{_short(code.co_filename)}:{trace.tb_lineno} in {code.co_qualname}")
        trace = trace.tb_next
    return found[-MAX_FRAMES:]


def _short(path: str) -> str:
    """Returns the path relative to the project, to the installed packages or to Python's library.
    The start of the path is left out, because it may contain a person's name.
    """
    _, found, within = path.rpartition("/site-packages/")
    return within if found else path.removeprefix(f"{PROJECT}/").removeprefix(f"{PYTHON}/")


def _surroundings(record: logging.LogRecord) -> Mapping[str, Any]:
    """Returns fields about the origin of a log record, such as the request id. Django logs some
    refusals after the request has ended. In this case, the fields come from the request on the
    record.
    """
    request = getattr(record, "request", None)
    found = context.current()
    if isinstance(request, HttpRequest) and "request_id" not in found:
        found |= facts_of(request)
    if isinstance(status := getattr(record, "status_code", None), int):
        found["status"] = status
    found |= ids_of(record)
    return {name: value for name, value in found.items() if value is not None}


def _message(record: logging.LogRecord) -> str:
    status = getattr(record, "status_code", None)
    if status in responses and record.name.startswith("django"):
        return responses[status]
    if record.name == "py.warnings":
        found = WARNING.match(record.getMessage())
        return f"{found['kind']} at {_short(found['place'])}" if found else WITHHELD
    owner = record.name.partition(".")[0]
    template = str(record.msg)
    if owner not in TRUSTED_TEMPLATES and not _is_in_the_source(template, record):
        return WITHHELD
    try:
        text = template % _plain_values(record.args, is_ours=owner in OURS_AND_PSYCOPGS)
    except (TypeError, ValueError, KeyError):  # the template needs a number instead of "withheld"
        text = template
    return without_secrets(text)


def _is_in_the_source(template: str, record: logging.LogRecord) -> bool:
    """Returns whether the source code at the log call contains this text."""
    lines = linecache.getlines(record.pathname)
    first = max(record.lineno - 1, 0)
    return bool(template) and template in "".join(lines[first : first + STATEMENT_LINES])


def _plain_values(values: Any, *, is_ours: bool) -> Any:
    if isinstance(values, Mapping):
        return {name: _plain(value, is_ours=is_ours) for name, value in values.items()}
    return tuple(_plain(value, is_ours=is_ours) for value in values or ())


def _plain(value: object, *, is_ours: bool) -> object:
    """Returns the value if it cannot be personal data, otherwise `withheld`. Values of the types
    int and float are returned, because amounts are always Decimals.
    """
    if value is None or isinstance(value, bool | int | float | uuid.UUID):
        return value
    if isinstance(value, BaseException):
        own = is_ours and type(value).__module__.partition(".")[0] == "ledger"
        is_database = isinstance(value, DatabaseError | DjangoDatabaseError)
        return described(value) if own or is_database else type(value).__name__
    # Texts in log calls of Ledger are constants, ids, and names of rules and hosts
    # (tests/ledger/logs/test_calls.py).
    if is_ours and isinstance(value, str) and "@" not in value:
        return str(value)
    return WITHHELD
