"""Calculates the positions and sizes of the parts of a chart. Templates draw the chart: see
`templatetags/charts.py`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Mark:
    """One value of a chart, with its texts and its link.

    `label` is the short text at the axis ("Oct"), or the text in the cell of a heat map. `title` is
    the long form of the label ("October 2026"). `value_label` is the formatted value. `url` is the
    page with the rows of the value. `comparison` is a second value for comparison, and
    `comparison_label` is its text ("in September 190.04 USD").
    """

    label: str
    value: Decimal
    value_label: str
    title: str = ""
    url: str = ""
    comparison: Decimal | None = None
    comparison_label: str = ""

    @property
    def name(self) -> str:
        """The text for screen readers and tooltips, such as "October 2026: +302.17 USD"."""
        name = f"{self.title or self.label}: {self.value_label}"
        return f"{name}; {self.comparison_label}" if self.comparison_label else name


@dataclass(frozen=True, slots=True)
class ColumnChart:
    """A chart of columns that start at zero. Negative values go down. `name` describes the
    chart.
    """

    name: str
    marks: Sequence[Mark]
    kind: str = field(default="columns", init=False)


@dataclass(frozen=True, slots=True)
class PairChart:
    """A chart with two columns for each value in `marks`, and a line for their difference. The
    column for `value` is filled, and the column for `comparison` is hollow. Both values are zero or
    more. `caption` explains the columns and the line.
    """

    name: str
    marks: Sequence[Mark]
    caption: str = ""
    kind: str = field(default="pairs", init=False)


@dataclass(frozen=True, slots=True)
class BarChart:
    """A chart of horizontal bars that start at zero. Each label is above its bar, so that labels
    can be long. The comparison value is a thin line across the bar. `caption` explains the bars and
    the lines.

    If the longest bar is more than `CUT_ABOVE` times as long as the second longest bar, the longest
    bar is shortened and has a gap. The other bars then stay readable.
    """

    name: str
    marks: Sequence[Mark]
    caption: str = ""
    kind: str = field(default="bars", init=False)


@dataclass(frozen=True, slots=True)
class LineChart:
    """A line through the values in `marks`, oldest first, with the last value as text at the end.
    Use this chart for values at points in time, such as balances, but not for sums of periods.
    """

    name: str
    marks: Sequence[Mark]
    kind: str = field(default="line", init=False)


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A grid of numbers in which higher numbers have darker cells.

    `cells` has one row for each label in `down`. A row has one Mark (a value with its texts) for
    each label in `across`, or None for a missing cell. The label of a Mark is the number in the
    cell, with at most five characters ("38", "1.2k"). All values are zero or more.

    By default, each shade covers a quarter of the range from zero to the highest value. With
    `by_rank`, each shade covers a quarter of the cells. Use `by_rank` if a few values are far
    higher than the rest.
    """

    name: str
    across: Sequence[str]
    down: Sequence[str]
    cells: Sequence[Sequence[Mark | None]]
    by_rank: bool = False
    kind: str = field(default="heat", init=False)

    @property
    def marks(self) -> list[Mark]:
        """All cells that are not None."""
        return [mark for row in self.cells for mark in row if mark is not None]


Chart = ColumnChart | PairChart | BarChart | LineChart | HeatMap


@dataclass(frozen=True, slots=True)
class Size:
    """The width and height of a drawing, in pixels of the screen for which the chart is drawn."""

    name: str
    width: int
    height: int
    labels: int  # maximum number of labels along the axis
    row: int = 44  # the height of a horizontal bar with its label, large enough for a thumb


WIDE = Size("wide", 864, 264, 13, row=36)
NARROW = Size("narrow", 342, 220, 4)
DIGIT = 7.6  # the width of a digit in bold type of 13 pixels
GAP, LETTER = 12, 7.2  # GAP: minimum space between words. LETTER: width of a letter
TOP, BOTTOM = 24, 28  # TOP: space for a number above the highest column. BOTTOM: space for labels


@dataclass(frozen=True, slots=True)
class DrawnColumn:
    """A column with its rectangle, its touch area, and the positions of its label and value."""

    mark: Mark
    x: float
    y: float
    width: float
    height: float
    strip_x: float
    strip_width: float
    label: str
    label_x: float
    figure_x: float
    figure_y: float | None

    @property
    def is_below(self) -> bool:
        return self.mark.value < 0


@dataclass(frozen=True, slots=True)
class DrawnColumns:
    """All columns of a chart for one size. `zero` is the y of the base line."""

    size: Size
    zero: float
    columns: list[DrawnColumn]


def draw_columns(chart: ColumnChart, size: Size) -> DrawnColumns:
    """Calculates the positions of the columns for a screen size. Only the highest and the lowest
    column show their value.
    """
    values = [mark.value for mark in chart.marks]
    high, low = max([*values, Decimal(0)]), min([*values, Decimal(0)])
    span = float(high - low) or 1.0
    room = size.height - TOP - BOTTOM - (16 if low < 0 else 0)
    zero = TOP + room * float(high) / span
    step = size.width / max(len(values), 1)
    every = labelled_every(chart.marks, step, size)
    labelled = {values.index(edge) for edge in (high, low) if edge in values}
    columns = []
    for place, mark in enumerate(chart.marks):
        height = max(room * abs(float(mark.value)) / span, 1.0 if mark.value else 0.0)
        y = zero - height if mark.value > 0 else zero
        value_y = (y - 7 if mark.value > 0 else y + height + 15) if place in labelled else None
        columns.append(
            DrawnColumn(
                mark,
                x=place * step + step * 0.15,
                y=y,
                width=step * 0.7,
                height=height,
                strip_x=place * step,
                strip_width=step,
                label=mark.label if (len(values) - 1 - place) % every == 0 else "",
                label_x=_within(place * step + step / 2, mark.label, size),
                figure_x=_within(place * step + step / 2, mark.value_label, size),
                figure_y=value_y if mark.value else None,
            )
        )
    return DrawnColumns(size, zero, columns)


def labelled_every(marks: Sequence[Mark], step: float, size: Size) -> int:
    """Returns the smallest n for which labels on every n-th column do not overlap. `step` is the
    distance between columns. The result takes into account that `_within` moves the first and the
    last label inwards.
    """
    longest = max((len(mark.label) for mark in marks), default=0) * DIGIT
    moved = max(0.0, longest - step)
    return max(-(-len(marks) // size.labels), math.ceil((longest + moved + GAP) / step))


def _within(x: float, text: str, size: Size) -> float:
    """Returns the x for the centre of a text: `x` itself, or the nearest x at which the whole text
    is inside the drawing.
    """
    half = len(text) * DIGIT / 2
    return min(max(x, half), size.width - half)


TICKS = 4  # approximate number of ticks on a value axis
AXIS_GAP = 8  # space between the numbers of the axis and the first column


def round_ticks(low: float, high: float) -> list[float]:
    """Returns about `TICKS` round numbers between `low` and `high`: multiples of 1, 2 or 5 times a
    power of ten.
    """
    span = (high - low) or 1.0
    power = 10.0 ** math.floor(math.log10(span / TICKS))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= span / TICKS)
    return [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def tick_label(value: float) -> str:
    """Formats a round number as "500", "2k" or "1.5M". The minus sign is U+2212."""
    size = abs(value)
    units = ((1e9, "bn"), (1e6, "M"), (1e3, "k"), (0, ""))
    unit, name = next((unit, name) for unit, name in units if size >= unit)
    label = f"{size / (unit or 1):g}{name}"
    return f"\N{MINUS SIGN}{label}" if value < 0 else label


@dataclass(frozen=True, slots=True)
class Tick:
    """A round number on the value axis, and the y of its line."""

    label: str
    y: float


@dataclass(frozen=True, slots=True)
class DrawnPair:
    """Two columns, the line that shows their difference, and the touch area of the pair."""

    mark: Mark
    x: float
    width: float
    value_y: float
    value_height: float
    comparison_x: float
    comparison_y: float
    comparison_height: float
    net_y: float
    strip_x: float
    strip_width: float
    label: str
    label_x: float


@dataclass(frozen=True, slots=True)
class DrawnPairs:
    """All pairs of columns of a chart for one size. `left` is the x of the first column, to the
    right of the axis labels.
    """

    size: Size
    left: float
    zero: float
    ticks: list[Tick]
    pairs: list[DrawnPair]


def draw_pairs(chart: PairChart, size: Size) -> DrawnPairs:
    """Calculates the positions of the pairs of columns and of an axis with round numbers."""
    nets = [float(mark.value - (mark.comparison or 0)) for mark in chart.marks]
    tops = [float(max(mark.value, mark.comparison or 0)) for mark in chart.marks]
    high, low = max([*tops, 0.0]), min([*nets, 0.0])
    room = size.height - TOP - BOTTOM
    scale = room / ((high - low) or 1.0)
    zero = TOP + high * scale
    ticks = [Tick(tick_label(value), zero - value * scale) for value in round_ticks(low, high)]
    left = max(len(tick.label) for tick in ticks) * DIGIT + AXIS_GAP
    step = (size.width - left) / max(len(chart.marks), 1)
    every = labelled_every(chart.marks, step, size)
    pairs = []
    for place, (mark, net) in enumerate(zip(chart.marks, nets, strict=True)):
        x, width = left + place * step + step * 0.12, step * 0.36
        value, comparison = float(mark.value) * scale, float(mark.comparison or 0) * scale
        pairs.append(
            DrawnPair(
                mark, x=x, width=width,
                value_y=zero - value, value_height=value,
                comparison_x=x + width + step * 0.04, comparison_y=zero - comparison,
                comparison_height=comparison,
                net_y=zero - net * scale,
                strip_x=left + place * step, strip_width=step,
                label=mark.label if (len(chart.marks) - 1 - place) % every == 0 else "",
                label_x=_within(left + place * step + step / 2, mark.label, size),
            )
        )  # fmt: skip
    return DrawnPairs(size, left, zero, ticks, pairs)


CUT_ABOVE = 4  # a first bar longer than this many times the second bar is shortened
CUT_TO = Decimal("1.5")  # times the second bar: the length of a shortened bar


@dataclass(frozen=True, slots=True)
class DrawnBar:
    """A horizontal bar. `y` is the top of its row, and `x` the start of the bar. `comparison_x` is
    the position of the comparison line, or None. `label` is short enough to leave space for the
    value.
    """

    mark: Mark
    y: float
    x: float
    length: float
    comparison_x: float | None
    label: str
    cut_x: float | None = None  # the position of the gap in a shortened bar


@dataclass(frozen=True, slots=True)
class DrawnBars:
    """All bars of a chart for one size. The labels are above the bars and can use the whole
    width.
    """

    size: Size
    bars: list[DrawnBar]


def draw_bars(chart: BarChart, size: Size) -> DrawnBars:
    """Calculates the positions of the bars, one below the other. All bars start at the same zero
    line.
    """
    values = [mark.value for mark in chart.marks]
    values += [mark.comparison for mark in chart.marks if mark.comparison is not None]
    high, low = max([*values, Decimal(0)]), min([*values, Decimal(0)])
    limit = _cut_at(chart)
    high = min(high, limit) if limit else high
    span = float(high - low) or 1.0
    zero = size.width * float(-low) / span
    bars = []
    for place, mark in enumerate(chart.marks):
        is_cut = bool(limit) and mark.value > limit
        length = size.width * abs(float(min(mark.value, high))) / span
        x = zero if mark.value >= 0 else zero - length
        comparison = None
        if mark.comparison is not None and not (limit and mark.comparison > limit):
            comparison = zero + size.width * float(mark.comparison) / span
        label = _cut(mark.label, size.width - len(mark.value_label) * DIGIT - GAP)
        cut_x = x + length * 0.9 if is_cut else None
        bars.append(DrawnBar(mark, place * size.row, x, max(length, 1.0), comparison, label, cut_x))
    return DrawnBars(replace(size, height=size.row * len(bars)), bars)


def _cut_at(chart: BarChart) -> Decimal:
    """Returns the value at which the longest bar is cut, or 0 if no bar is cut."""
    lengths = sorted(max(mark.value, mark.comparison or Decimal(0)) for mark in chart.marks)
    if len(lengths) < 3 or lengths[-2] <= 0 or lengths[-1] <= CUT_ABOVE * lengths[-2]:
        return Decimal(0)
    return lengths[-2] * CUT_TO


def _cut(words: str, room: float) -> str:
    """Returns the text, shortened so that it is at most `room` pixels wide."""
    most = max(4, int(room / LETTER))
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}"
