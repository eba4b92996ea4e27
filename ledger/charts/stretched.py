"""Charts with positions in percent of the width, so that one drawing fits screens, phones and paper
without scaling its text.
"""

from dataclasses import dataclass
from decimal import Decimal
from math import ceil

from ledger.charts.geometry import BOTTOM, TOP, HeatMap, LineChart, Mark, Size

LINE_HEIGHT, ACROSS, LINE_LABELS = 260, 1000, 4
NEAR_END = 0.3  # the share of the width that a long number needs on a phone


@dataclass(frozen=True, slots=True)
class DrawnPoint:
    """A point of a line: x in percent of the width, y in pixels. `strip_x` and `strip_width` define
    the strip that reacts to touch. Most labels are "".
    """

    mark: Mark
    x: float
    y: float
    strip_x: float
    strip_width: float
    label: str


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """A line across the full width. The browser stretches `path`, which is on a grid of width
    ACROSS. Points are in percent, so that they and the texts are not stretched.
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
        """The y of the text for the last value, which is above the end of the line."""
        near = self.points[-max(1, ceil(len(self.points) * NEAR_END)) :]
        return min(point.y for point in near) - 10


def draw_line(chart: LineChart, _size: Size) -> DrawnLine:
    """Places the points at equal steps. The newest has a label, and a few before it at equal
    distances.
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
SIDE = 16.0  # percent of the width for the words at the side


@dataclass(frozen=True, slots=True)
class DrawnCell:
    """A cell of a heat map: x in percent of the width, y in pixels, and its shade, from 0 for zero
    to SHADES for the highest value.
    """

    mark: Mark
    x: float
    y: int
    shade: int
    middle: float
    base: int


@dataclass(frozen=True, slots=True)
class DrawnHeat:
    """A heat map in percent of the width."""

    height: int
    width: float  # of a cell
    across: list[tuple[float, str]]
    down: list[tuple[int, str]]
    cells: list[DrawnCell]


def draw_heat(chart: HeatMap, _size: Size) -> DrawnHeat:
    """Places the cells in their grid, and transposes a grid that is too wide for a phone."""
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
    """Returns the shade of each value: 0 for zero, otherwise 1 to SHADES in equal steps of the
    highest value. With `by_rank`, the steps are of the rank.
    """
    values = sorted(mark.value for mark in chart.marks if mark.value > 0)
    shades = dict.fromkeys((mark.value for mark in chart.marks), 0)
    for place, value in enumerate(values, start=1):
        part = Decimal(place) / len(values) if chart.by_rank else value / values[-1]
        shades[value] = ceil(part * SHADES)
    return shades
