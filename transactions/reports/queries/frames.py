"""What Django's windows have no word for."""

from typing import Any

from django.db.models import Func, Window
from django.db.models.expressions import WindowFrame


class Months(WindowFrame):
    """The rows of the last `count` months, this one among them, whether each has a row or not.

    For a window ordered by a date or time. `ValueRange` takes no interval on Postgres, and
    `RowRange` counts rows: where a month is missing, it would reach too far back.
    Source: PostgreSQL manual, 4.2.8, "RANGE ... offset PRECEDING".
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
    """A window over the rows that a GROUP BY makes: it is computed after them.

    Django puts a window that is combined with an aggregate into GROUP BY, which Postgres
    refuses. This one counts as an aggregate, and asks for no grouping of its own.
    """

    contains_aggregate = True

    def get_group_by_cols(self) -> list[Any]:
        return []


class SumOfSums(Func):
    """The sum over a window of what is a sum already: SUM(SUM(amount)) OVER (...).

    Django's own `Sum` refuses an aggregate inside, although in a window it is allowed.
    """

    function = "SUM"
    window_compatible = True


class Lowest(Func):
    """The lowest of a window of what is a minimum already: MIN(MIN(number)) OVER (...)."""

    function = "MIN"
    window_compatible = True


class MonthBefore(Func):
    """A date one month earlier."""

    template = "(%(expressions)s - interval '1 month')"


class DaysBefore(WindowFrame):
    """The rows of the `count` days before this one, without this one itself.

    For a window ordered by a time that does not tie. It ends a microsecond before the row and
    not by EXCLUDE CURRENT ROW, with which Postgres would add up every frame from its beginning:
    so it adds the rows that come in and takes off those that fall out.
    Source: PostgreSQL manual, 36.12.1, "Moving-Aggregate Mode".
    """

    frame_type = "RANGE"

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def window_frame_start_end(self, connection: Any, start: Any, end: Any) -> Any:
        return f"'{int(self.count)} days' PRECEDING", "'1 microsecond' PRECEDING"

    def __str__(self) -> str:
        return f"RANGE over {self.count} days before"
