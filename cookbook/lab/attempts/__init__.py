"""All attempts to break rules of the bank's data: see `cookbook.lab.attempt_runner`.

Each module in this package has ATTEMPTS. A module whose attempts insert rows also has ROWS.
"""

from importlib import import_module
from pkgutil import iter_modules

from cookbook.lab.attempts import rights
from cookbook.lab.attempts.attempt import Attempt, ValidRow

__all__ = ["ATTEMPTS", "ROWS", "WITHOUT_THE_RIGHT", "Attempt"]

_OTHERS = {"attempt", "rights"}
_names = sorted({found.name for found in iter_modules(__path__)} - _OTHERS)
_modules = [import_module(f"{__name__}.{name}") for name in _names]
_FIRST = ("accounts", "transactions")

# Attempts on accounts and transactions come first. All other attempts are sorted by table.
ATTEMPTS: tuple[Attempt, ...] = tuple(
    sorted(
        (attempt for module in _modules for attempt in module.ATTEMPTS),
        key=lambda attempt: (attempt.table not in _FIRST, attempt.table),
    )
)
WITHOUT_THE_RIGHT: tuple[Attempt, ...] = tuple(rights.ATTEMPTS)
# Valid rows. Each attempt that inserts a row changes a value of one of these rows.
ROWS: tuple[ValidRow, ...] = tuple(
    row for module in _modules for row in getattr(module, "ROWS", ())
)
