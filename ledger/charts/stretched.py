"""Charts whose horizontal positions are in percent of the width. One drawing fits screens, phones
and printed pages, and the text always has the same size.
"""

from dataclasses import dataclass
from decimal import Decimal
from math import ceil

from ledger.charts.geometry import BOTTOM, TOP, HeatMap, LineChart, Mark, Size

LINE_HEIGHT, ACROSS, LINE_LABELS = 260, 1000, 4
NEAR_END = 0.3  # the part of the width, 0 to 1, that a long number needs on a phone


@dataclass(frozen=True, slots=True)
class DrawnPoint:
    """A point of a line chart. `x` is in percent of the width, and `y` is in pixels. `strip_x` and
    `strip_width` are the touch area in percent. `label` is "" for most points.
    """

    mark: Mark
    x: float
    y: float
    strip_x: float
    strip_width: float
    label: str


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """A line chart over the full width. `path` is drawn on a grid that is ACROSS units wide. The
    browser stretches the grid to the width of the page. The points and texts are not stretched,
    because their positions are in percent.
    """

    height: int
    across: int
    zero: float
    path: str
    points: list[DrawnPoint]

    @property
    def last(self) -> DrawnPoint:
        return self.points[-1]

    @property
    def last_y(self) -> float:
        """The y of the text for the last value, above the end of the line."""
        near = self.points[-max(1, ceil(len(self.points) * NEAR_END)) :]
        return min(point.y for point in near) - 10


def draw_line(chart: LineChart, _size: Size) -> DrawnLine:
    """Calculates the positions of the points, which have equal distances. The newest point and a
    few earlier points have a label.
    """
    values = [mark.value for mark in chart.marks]
    high, low = max([*values, Decimal(0)]), min([*values, Decimal(0)])
    room = LINE_HEIGHT - TOP - BOTTOM - (TOP if low < 0 else 0)
    scale = room / (float(high - low) or 1.0)
    zero = TOP + float(high) * scale
    step = 100 / max(len(values), 1)
    every = -(-len(values) // LINE_LABELS)
    points = [
        DrawnPoint(
            mark,
            x=(place + 0.5) * step,
            y=zero - float(mark.value) * scale,
            strip_x=place * step,
            strip_width=step,
            label=mark.label if (len(values) - 1 - place) % every == 0 else "",
        )
        for place, mark in enumerate(chart.marks)
    ]
    path = " ".join(f"{point.x * ACROSS / 100:.1f},{point.y:.1f}" for point in points)
    return DrawnLine(LINE_HEIGHT, ACROSS, zero, path, points)


CELL, HEAD, SHADES, MAX_ACROSS = 32, 24, 4, 14
SIDE = 16.0  # percent of the width for the labels at the side


@dataclass(frozen=True, slots=True)
class DrawnCell:
    """A cell of a heat map. `x` is in percent of the width, and `y` is in pixels. `shade` is from 0
    (for zero) to SHADES.
    """

    mark: Mark
    x: float
    y: int
    shade: int
    middle: float
    base: int


@dataclass(frozen=True, slots=True)
class DrawnHeat:
    """A heat map whose horizontal positions are in percent of the width."""

    height: int
    width: float  # the width of a cell
    across: list[tuple[float, str]]
    down: list[tuple[int, str]]
    cells: list[DrawnCell]


def draw_heat(chart: HeatMap, _size: Size) -> DrawnHeat:
    """Calculates the positions of the cells. If the grid is too wide for a phone, swaps rows and
    columns.
    """
    across, down, grid = chart.across, chart.down, chart.cells
    if len(across) > MAX_ACROSS and len(down) <= MAX_ACROSS:
        across, down, grid = down, across, list(zip(*grid, strict=True))
    step = (100 - SIDE) / max(len(across), 1)
    shade_of = _shades(chart)
    cells = [
        DrawnCell(
            mark,
            x=SIDE + column * step,
            y=HEAD + row * CELL,
            shade=shade_of[mark.value],
            middle=SIDE + (column + 0.5) * step,
            base=HEAD + row * CELL + 21,
        )
        for row, marks in enumerate(grid)
        for column, mark in enumerate(marks)
        if mark is not None
    ]
    return DrawnHeat(
        height=HEAD + CELL * len(down),
        width=step,
        across=[(SIDE + (place + 0.5) * step, word) for place, word in enumerate(across)],
        down=[(HEAD + row * CELL + 21, word) for row, word in enumerate(down)],
        cells=cells,
    )


def _shades(chart: HeatMap) -> dict[Decimal, int]:
    """Returns the shade of each value: 0 for zero, and 1 to SHADES for other values. By default,
    the shades divide the range from zero to the highest value into equal steps. With `by_rank`,
    each shade is for the same number of values.
    """
    values = sorted(mark.value for mark in chart.marks if mark.value > 0)
    shades = dict.fromkeys((mark.value for mark in chart.marks), 0)
    for place, value in enumerate(values, start=1):
        part = Decimal(place) / len(values) if chart.by_rank else value / values[-1]
        shades[value] = ceil(part * SHADES)
    return shades
