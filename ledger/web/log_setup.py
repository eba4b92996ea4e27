"""Configures the log (`LOGGING_CONFIG`), and logs exceptions that end a process."""

import logging
import logging.config
import sys
import threading
from types import TracebackType
from typing import Any

from django.conf import settings

from ledger.logs.output import is_for_developer

logger = logging.getLogger("ledger.process")


def configure(logging_settings: dict[str, Any]) -> None:
    """Configures the log with `LOGGING`. Uncaught exceptions become log records without values.
    Only developers see Python's original tracebacks, which contain values. With LOG_FORMAT=json,
    warnings are logged too.
    """
    logging.config.dictConfig(logging_settings)
    if settings.LOG_FORMAT == "json":
        logging.captureWarnings(True)
        # Otherwise Python would print a record that fails, with its values.
        logging.raiseExceptions = False
    if is_for_developer(sys.argv[1:]):
        return
    sys.excepthook = _ended
    threading.excepthook = _thread_ended
    if sys.unraisablehook is sys.__unraisablehook__:  # a test run has another hook
        sys.unraisablehook = _not_raised


def _ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        logger.critical("The process ended by an exception.", exc_info=(kind, error, trace))


def _thread_ended(found: threading.ExceptHookArgs) -> None:
    if found.exc_value is not None and found.exc_type is not SystemExit:
        logger.critical(
            "A thread ended by an exception.",
            exc_info=(found.exc_type, found.exc_value, found.exc_traceback),
        )


def _not_raised(found: Any) -> None:
    error = found.exc_value
    if error is not None:
        logger.error(
            "An exception could not be raised.", exc_info=(type(error), error, found.exc_traceback)
        )
