"""Window frames and window functions that Django has no class for."""

from typing import Any

from django.db.models import Func, Window
from django.db.models.expressions import WindowFrame


class Months(WindowFrame):
    """A frame of the last `count` months, including this one, for a window ordered by a date or
    time.

    Django's `ValueRange` accepts no interval on Postgres. `RowRange` counts rows, so it would start
    too early if a month has no row. Source: PostgreSQL manual, 4.2.8, "RANGE ... offset PRECEDING".
    """

    frame_type = "RANGE"

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def window_frame_start_end(self, connection: Any, start: Any, end: Any) -> Any:
        return f"'{int(self.count) - 1} months' PRECEDING", connection.ops.CURRENT_ROW

    def __str__(self) -> str:
        return f"RANGE over {self.count} months"


class OverGroups(Window):
    """A window over the groups of a GROUP BY, computed after grouping.

    Django adds a window with an aggregate inside to GROUP BY, which Postgres refuses. This class
    counts as an aggregate and adds nothing to GROUP BY.
    """

    contains_aggregate = True

    def get_group_by_cols(self) -> list[Any]:
        return []


class SumOfSums(Func):
    """A sum over a window of sums: SUM(SUM(amount)) OVER (...).

    Django's `Sum` refuses an aggregate inside, although a window allows it.
    """

    function = "SUM"
    window_compatible = True


class Lowest(Func):
    """The minimum over a window of minimums: MIN(MIN(number)) OVER (...)."""

    function = "MIN"
    window_compatible = True


class MonthBefore(Func):
    """The date one month earlier."""

    template = "(%(expressions)s - interval '1 month')"


class DaysBefore(WindowFrame):
    """A frame of the `count` days before this row, without this row, for a window ordered by unique
    times.

    The frame ends one microsecond before the row. With EXCLUDE CURRENT ROW, Postgres would compute
    every frame from its start. Without it, Postgres adds rows that enter and subtracts rows that
    leave. Source: PostgreSQL manual, 36.12.1, "Moving-Aggregate Mode".
    """

    frame_type = "RANGE"

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def window_frame_start_end(self, connection: Any, start: Any, end: Any) -> Any:
        return f"'{int(self.count)} days' PRECEDING", "'1 microsecond' PRECEDING"

    def __str__(self) -> str:
        return f"RANGE over {self.count} days before"
