"""Where the marks of a chart go. Drawing is done by the templates, see `templatetags.charts`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Mark:
    """One figure of a chart: `label` stands at the axis ("Oct"), in a heat map in the cell;
    `title` says it in full ("October 2026"), `said` is the value as people read it, `url` leads
    to the rows behind. `against` is another value to compare it with, where there is one, and
    `against_said` what that is: "in September 190.04 USD"."""

    label: str
    value: Decimal
    said: str
    title: str = ""
    url: str = ""
    against: Decimal | None = None
    against_said: str = ""

    @property
    def name(self) -> str:
        """What a screen reader says, and what hovering shows: "October 2026: +302.17 USD"."""
        name = f"{self.title or self.label}: {self.said}"
        return f"{name}; {self.against_said}" if self.against_said else name


@dataclass(frozen=True, slots=True)
class ColumnChart:
    """Upright bars from zero, up for more and down for less. `name` says what the chart shows."""

    name: str
    marks: Sequence[Mark]
    kind: str = field(default="columns", init=False)


@dataclass(frozen=True, slots=True)
class PairChart:
    """Two columns side by side for each mark, `value` filled and `against` hollow, both zero or
    more, and a line at their difference. `caption` says what the three are."""

    name: str
    marks: Sequence[Mark]
    caption: str = ""
    kind: str = field(default="pairs", init=False)


@dataclass(frozen=True, slots=True)
class BarChart:
    """Horizontal bars from zero, the label above each: for names, which are long. What a mark is
    compared with is a thin line across its bar; `caption` says what the two are.

    A first bar more than `CUT_ABOVE` times as long as the second is cut short with a gap in it,
    so that the others stay readable.
    """

    name: str
    marks: Sequence[Mark]
    caption: str = ""
    kind: str = field(default="bars", init=False)


@dataclass(frozen=True, slots=True)
class LineChart:
    """A line from mark to mark, oldest first, over a line at zero: for what is there at moments,
    not for what comes in between them. The last figure stands at its end."""

    name: str
    marks: Sequence[Mark]
    kind: str = field(default="line", init=False)


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A grid of figures, each in a cell the darker the higher it is, so that the eye finds the
    pattern and the figure says it without colour.

    `cells` has a row for each word of `down`, and in it a mark for each word of `across`, None
    where there is no such cell (not the same as nothing in it: then a mark of value 0). A mark's
    label is the figure in its cell: at most five characters, better three ("38", "1.2k").
    Values are zero or more. With `by_rank` a shade is a quarter of the cells and not of the
    highest value: where a few are so high that all others would look the same.
    """

    name: str
    across: Sequence[str]
    down: Sequence[str]
    cells: Sequence[Sequence[Mark | None]]
    by_rank: bool = False
    kind: str = field(default="heat", init=False)

    @property
    def marks(self) -> list[Mark]:
        """Every cell that there is."""
        return [mark for row in self.cells for mark in row if mark is not None]


Chart = ColumnChart | PairChart | BarChart | LineChart | HeatMap


@dataclass(frozen=True, slots=True)
class Size:
    """A drawing's width and height in units; one unit is one pixel of the screen it is for."""

    name: str
    width: int
    height: int
    labels: int  # at most so many along the axis
    row: int = 44  # the height of a lying bar with its words: what a thumb hits


WIDE = Size("wide", 864, 264, 13, row=36)
NARROW = Size("narrow", 342, 220, 4)
DIGIT = 7.6  # the width of a figure's digit, of 13 pixels in bold
TOP, BOTTOM = 24, 28  # room for a figure above the highest column, and for labels


@dataclass(frozen=True, slots=True)
class DrawnColumn:
    """A column: its box, the whole strip that a thumb may hit, and which words stand by it."""

    mark: Mark
    x: float
    y: float
    width: float
    height: float
    strip_x: float
    strip_width: float
    middle: float
    label: str
    figure_x: float
    figure_y: float | None

    @property
    def is_below(self) -> bool:
        return self.mark.value < 0


@dataclass(frozen=True, slots=True)
class DrawnColumns:
    """All columns in one size; `zero` is the height of the base line."""

    size: Size
    zero: float
    columns: list[DrawnColumn]


def draw_columns(chart: ColumnChart, size: Size) -> DrawnColumns:
    """The columns side by side. Only the highest and the lowest have their figure on them."""
    values = [mark.value for mark in chart.marks]
    high, low = max([*values, Decimal(0)]), min([*values, Decimal(0)])
    span = float(high - low) or 1.0
    room = size.height - TOP - BOTTOM - (16 if low < 0 else 0)
    zero = TOP + room * float(high) / span
    step = size.width / max(len(values), 1)
    every = -(-len(values) // size.labels)
    told = {values.index(edge) for edge in (high, low) if edge in values}
    columns = []
    for place, mark in enumerate(chart.marks):
        height = max(room * abs(float(mark.value)) / span, 1.0 if mark.value else 0.0)
        y = zero - height if mark.value > 0 else zero
        beside = (y - 7 if mark.value > 0 else y + height + 15) if place in told else None
        columns.append(
            DrawnColumn(
                mark,
                x=place * step + step * 0.15,
                y=y,
                width=step * 0.7,
                height=height,
                strip_x=place * step,
                strip_width=step,
                middle=place * step + step / 2,
                figure_x=_within(place * step + step / 2, mark.said, size),
                label=mark.label if (len(values) - 1 - place) % every == 0 else "",
                figure_y=beside if mark.value else None,
            )
        )
    return DrawnColumns(size, zero, columns)


def _within(x: float, said: str, size: Size) -> float:
    """Where a figure centred at `x` has to stand so as not to leave the drawing."""
    half = len(said) * DIGIT / 2
    return min(max(x, half), size.width - half)


TICKS = 4  # figures along a value axis, about
AXIS_GAP = 8  # between the figures of the axis and the first column


def round_ticks(low: float, high: float) -> list[float]:
    """Round figures for a value axis from `low` to `high`: multiples of 1, 2 or 5 times a power
    of ten, about `TICKS` of them, zero among them where the axis crosses it."""
    span = (high - low) or 1.0
    power = 10.0 ** math.floor(math.log10(span / TICKS))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= span / TICKS)
    return [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def tick_label(value: float) -> str:
    """A round figure in few characters: "500", "2k", "1.5M"; a true minus below zero."""
    size = abs(value)
    units = ((1e9, "bn"), (1e6, "M"), (1e3, "k"), (0, ""))
    unit, name = next((unit, name) for unit, name in units if size >= unit)
    figure = f"{size / (unit or 1):g}{name}"
    return f"\N{MINUS SIGN}{figure}" if value < 0 else figure


@dataclass(frozen=True, slots=True)
class Tick:
    """A round figure of the value axis and the height at which its line stands."""

    label: str
    y: float


@dataclass(frozen=True, slots=True)
class DrawnPair:
    """Two columns, the line of their difference, and the strip that a thumb may hit."""

    mark: Mark
    x: float
    width: float
    value_y: float
    value_height: float
    against_x: float
    against_y: float
    against_height: float
    net_y: float
    strip_x: float
    strip_width: float
    middle: float
    label: str


@dataclass(frozen=True, slots=True)
class DrawnPairs:
    """All pairs in one size; `left` is where the columns begin, beside the axis's figures."""

    size: Size
    left: float
    zero: float
    ticks: list[Tick]
    pairs: list[DrawnPair]


def draw_pairs(chart: PairChart, size: Size) -> DrawnPairs:
    """The pairs side by side over one axis with a few round figures."""
    nets = [float(mark.value - (mark.against or 0)) for mark in chart.marks]
    tops = [float(max(mark.value, mark.against or 0)) for mark in chart.marks]
    high, low = max([*tops, 0.0]), min([*nets, 0.0])
    room = size.height - TOP - BOTTOM
    scale = room / ((high - low) or 1.0)
    zero = TOP + high * scale
    ticks = [Tick(tick_label(value), zero - value * scale) for value in round_ticks(low, high)]
    left = max(len(tick.label) for tick in ticks) * DIGIT + AXIS_GAP
    step = (size.width - left) / max(len(chart.marks), 1)
    every = -(-len(chart.marks) // size.labels)
    pairs = []
    for place, (mark, net) in enumerate(zip(chart.marks, nets, strict=True)):
        x, width = left + place * step + step * 0.12, step * 0.36
        value, against = float(mark.value) * scale, float(mark.against or 0) * scale
        pairs.append(
            DrawnPair(
                mark, x=x, width=width,
                value_y=zero - value, value_height=value,
                against_x=x + width + step * 0.04, against_y=zero - against,
                against_height=against,
                net_y=zero - net * scale,
                strip_x=left + place * step, strip_width=step,
                middle=left + place * step + step / 2,
                label=mark.label if (len(chart.marks) - 1 - place) % every == 0 else "",
            )
        )  # fmt: skip
    return DrawnPairs(size, left, zero, ticks, pairs)


GAP, LETTER = 12, 7.2  # least room between words; a letter's width
CUT_ABOVE = 4  # times the second bar: from there on the first is cut
CUT_TO = Decimal("1.5")  # times the second bar: as long as a cut bar is drawn


@dataclass(frozen=True, slots=True)
class DrawnBar:
    """A lying bar: its row's top, and its length out of the room there is. `against_x` is where
    the line stands that it is compared with; `label` is as long as the figure beside it lets it."""

    mark: Mark
    y: float
    x: float
    length: float
    against_x: float | None
    label: str
    cut_x: float | None = None  # where a bar that is cut short has its gap


@dataclass(frozen=True, slots=True)
class DrawnBars:
    """All bars in one size; words stand above each bar, so that they have the whole width."""

    size: Size
    bars: list[DrawnBar]


def draw_bars(chart: BarChart, size: Size) -> DrawnBars:
    """The bars below each other, all from the same zero line."""
    values = [mark.value for mark in chart.marks]
    values += [mark.against for mark in chart.marks if mark.against is not None]
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
        against = None
        if mark.against is not None and not (limit and mark.against > limit):
            against = zero + size.width * float(mark.against) / span
        label = _cut(mark.label, size.width - len(mark.said) * DIGIT - GAP)
        cut_x = x + length * 0.9 if is_cut else None
        bars.append(DrawnBar(mark, place * size.row, x, max(length, 1.0), against, label, cut_x))
    return DrawnBars(replace(size, height=size.row * len(bars)), bars)


def _cut_at(chart: BarChart) -> Decimal:
    """The value at which the longest bar is cut short; 0 where none needs to be."""
    lengths = sorted(max(mark.value, mark.against or Decimal(0)) for mark in chart.marks)
    if len(lengths) < 3 or lengths[-2] <= 0 or lengths[-1] <= CUT_ABOVE * lengths[-2]:
        return Decimal(0)
    return lengths[-2] * CUT_TO


def _cut(words: str, room: float) -> str:
    """As many of the words as the room has place for, by its pixels."""
    most = max(4, int(room / LETTER))
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}"
