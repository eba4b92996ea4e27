"""Window frames and window functions for which Django has no class."""

from typing import Any

from django.db.models import Func, Window
from django.db.models.expressions import WindowFrame


class Months(WindowFrame):
    """A window frame with `count` months. The last month of the frame is the month of the current
    row. The window must be ordered by a date or a time.

    Django's `ValueRange` does not accept intervals on Postgres. `RowRange` counts rows, so it would
    include an earlier month if a month has no row. Source: PostgreSQL manual, 4.2.8, "RANGE ...
    offset PRECEDING".
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
    """A window over the groups of a GROUP BY. Postgres computes the window after grouping.

    Django would add a window with an aggregate to GROUP BY, which Postgres refuses. Django adds
    nothing for this class, because the class counts as an aggregate.
    """

    contains_aggregate = True

    def get_group_by_cols(self) -> list[Any]:
        return []


class SumOfSums(Func):
    """A sum over a window of sums: SUM(SUM(amount)) OVER (...).

    Django's `Sum` refuses an aggregate as its argument, although Postgres allows it in a window.
    """

    function = "SUM"
    window_compatible = True


class Lowest(Func):
    """A minimum over a window of minimums: MIN(MIN(number)) OVER (...)."""

    function = "MIN"
    window_compatible = True


class MonthBefore(Func):
    """The date that is one month earlier than the argument."""

    template = "(%(expressions)s - interval '1 month')"


class DaysBefore(WindowFrame):
    """A window frame with the `count` days before the current row, but without the current row. The
    window must be ordered by unique times.

    The frame ends one microsecond before the current row. So Postgres adds the rows that enter the
    frame and subtracts the rows that leave the frame. With EXCLUDE CURRENT ROW, Postgres would
    compute every frame from its start. Source: PostgreSQL manual, 36.12.1, "Moving-Aggregate Mode".
    """

    frame_type = "RANGE"

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def window_frame_start_end(self, connection: Any, start: Any, end: Any) -> Any:
        return f"'{int(self.count)} days' PRECEDING", "'1 microsecond' PRECEDING"

    def __str__(self) -> str:
        return f"RANGE over {self.count} days before"
