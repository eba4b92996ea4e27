"""A measured value, its rival and its target."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Target:
    """A limit for the ratio, or for the value itself if there is no rival."""

    limit: float
    at_least: bool = True
    unit: str = "x"

    def __str__(self) -> str:
        if self.limit == 0:
            return "none"
        return f"at {'least' if self.at_least else 'most'} {self.limit:,g} {self.unit}"

    def met_by(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


# The target speeds that were agreed before any measurement.
AGAINST_TEXTBOOK = Target(3.5)
NO_DEADLOCK = Target(0, at_least=False)
AGAINST_HORDAK = Target(1.6)
AGAINST_PGLEDGER = Target(0.8)
THREADS_AGAINST_PGLEDGER = Target(1.5)
AGAINST_PGLEDGER_FAR = Target(0.9)
BATCH_AGAINST_TEXTBOOK = Target(40)
BATCH_AGAINST_COPY = Target(0.75)
HOT_AGAINST_SPREAD = Target(0.6)
WITH_ALERTS = Target(0.95)
EVENTS_OF_BATCH = Target(3, at_least=False, unit="%")
DISK = Target(400, at_least=False, unit="bytes")
PAGES = {
    "statement of 50 rows": Target(2.5, at_least=False),
    "search": Target(2.5, at_least=False),
    "home": Target(2, at_least=False),
    "open an account": Target(1.5, at_least=False),
}
PAYMENT_PAGE = Target(0.7)
API_PAYMENT = Target(0.5)
API_STATEMENT = Target(0.7, at_least=False)
COUNTED = Target(50, at_least=False, unit="us")
STATEMENT_BY_ROWS = Target(1.1, at_least=False)
GROWTH = Target(1.5, at_least=False)


@dataclass(slots=True)
class Figure:
    """One line of the table. If the value could not be measured, `value` is None and `note` is the
    reason.

    `ratio` is value / rival. For several rounds, `ratio` is the median of the ratios of the rounds,
    because a machine that slows down slows both sides. `rounds` contains the results of each round.
    """

    part: str
    what: str
    value: float | None
    unit: str
    against: str = ""
    rival: float | None = None
    ratio: float | None = None
    target: Target | None = None
    note: str = ""
    rounds: dict[str, list[float]] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the target is reached, or None without a target or a measurement."""
        measured = self.ratio if self.against else self.value
        return None if self.target is None or measured is None else self.target.met_by(measured)

    @property
    def cells(self) -> list[str]:
        """The cells of the line, in the order of HEAD."""
        rival = f"{self.against} {with_unit(self.rival, self.unit)}" if self.against else ""
        return [
            self.what,
            with_unit(self.value, self.unit) if self.value is not None else self.note,
            rival if self.value is not None else self.against,
            f"{self.ratio:,.2f} x" if self.ratio is not None else "",
            str(self.target or ""),
            {True: "reached", False: "MISSED", None: ""}[self.met],
        ]


HEAD = ["what", "result", "compared with", "ratio", "target", "outcome"]


def with_unit(value: float | None, unit: str) -> str:
    """Returns a value with its unit, rounded to three digits or to a whole number."""
    if value is None:
        return ""
    number = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.3g}"
    return f"{number}{unit}" if unit.startswith("/") else f"{number} {unit}".rstrip()


def table(figures: Sequence[Figure]) -> str:
    """Returns the results in columns for a terminal."""
    rows = [HEAD, *(figure.cells for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    rows.insert(1, ["-" * width for width in widths])
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines)
