"""Where the marks of a chart go, by hand."""

import itertools
import re
from dataclasses import replace
from decimal import Decimal

import pytest

from ledger.charts.geometry import (
    DIGIT,
    NARROW,
    WIDE,
    BarChart,
    ColumnChart,
    HeatMap,
    LineChart,
    Mark,
    PairChart,
    Size,
    draw_bars,
    draw_columns,
    draw_pairs,
    round_ticks,
    tick_label,
)
from ledger.charts.stretched import draw_heat, draw_line
from ledger.templatetags.charts import chart


def mark(value: str | int, label: str = "x", url: str = "") -> Mark:
    return Mark(
        label=label, value=Decimal(value), value_label=f"{value} USD", title=f"T{value}", url=url
    )


def test_the_highest_point_of_a_line_is_at_the_top_and_zero_at_the_bottom() -> None:
    drawn = draw_line(LineChart("Balance", [mark(0), mark(50), mark(100)]), WIDE)
    top, middle, bottom = drawn.points[2].y, drawn.points[1].y, drawn.points[0].y
    assert bottom == drawn.zero
    assert middle == (top + bottom) / 2
    assert [point.strip_x for point in drawn.points] == [0, 100 / 3, 200 / 3]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=lambda size: size.name)
@pytest.mark.parametrize("number", [2, 7, 13, 24])
@pytest.mark.parametrize("label", ["Oct", "29 Sep", "2026-10-29", "a whole word of a query"])
def test_labels_of_columns_stay_apart_and_within_the_drawing(
    size: Size, number: int, label: str
) -> None:
    marks = [replace(mark(1, label), comparison=Decimal(1)) for _ in range(number)]
    columns = draw_columns(ColumnChart("Columns", marks), size).columns
    pairs = draw_pairs(PairChart("Pairs", marks), size).pairs
    width = len(label) * DIGIT
    for drawn in (columns, pairs):
        places = [each.label_x for each in drawn if each.label]
        assert places, label
        assert all(width / 2 <= x <= size.width - width / 2 for x in places)
        assert all(b - a >= width for a, b in itertools.pairwise(places))


def test_below_zero_is_below_the_line_at_zero() -> None:
    drawn = draw_line(LineChart("Balance", [mark(100), mark(-100)]), WIDE)
    assert drawn.points[0].y < drawn.zero < drawn.points[1].y < drawn.height


def test_the_last_point_has_a_label_and_only_a_few_others() -> None:
    drawn = draw_line(LineChart("Balance", [mark(n, label=str(n)) for n in range(52)]), WIDE)
    labels = [point.label for point in drawn.points if point.label]
    assert labels == ["12", "25", "38", "51"]


def test_the_figure_at_the_end_stands_above_the_line_near_it() -> None:
    drawn = draw_line(LineChart("Balance", [mark(10), mark(100), mark(50)] * 4), WIDE)
    assert drawn.last_y < min(point.y for point in drawn.points[-3:])


def test_a_line_of_one_point_and_one_of_nothing_are_drawn() -> None:
    assert "<circle" in chart(LineChart("Balance", [mark(7)]))
    assert "<circle" in chart(LineChart("Balance", [mark(0), mark(0)]))
    assert chart(LineChart("Balance", [])) == ""


def test_each_point_is_a_link_that_says_itself() -> None:
    drawn = chart(LineChart("Balance", [mark(7, url="/search/?q=a&b=<")]))
    assert '<a href="/search/?q=a&amp;b=&lt;"><title>T7: 7 USD</title>' in drawn


def test_shades_go_up_in_equal_steps_and_nothing_has_none() -> None:
    values = [0, 1, 25, 26, 50, 51, 75, 76, 100]
    heat = HeatMap("Heat", [str(v) for v in values], ["only"], [[mark(v) for v in values]])
    assert [cell.shade for cell in draw_heat(heat, WIDE).cells] == [0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_every_cell_shows_its_figure_so_that_no_colour_is_needed() -> None:
    heat = HeatMap("Heat", ["a", "b"], ["c"], [[mark(1, "one"), None]])
    drawn = chart(heat)
    assert drawn.count("<rect") == 1
    assert ">one</text>" in drawn
    assert "<title>T1: 1 USD</title>" in drawn


def test_a_grid_too_wide_for_a_phone_is_turned() -> None:
    hours = [f"{hour:02}" for hour in range(24)]
    heat = HeatMap("Heat", hours, ["Mon", "Tue"], [[mark(h) for h in range(24)]] * 2)
    drawn = draw_heat(heat, WIDE)
    assert [word for _, word in drawn.across] == ["Mon", "Tue"]
    assert [word for _, word in drawn.down] == hours


def test_a_name_is_cut_before_it_meets_its_figure() -> None:
    name = "Maria Aparecida dos Santos Albuquerque de Vasconcelos"
    (bar,) = draw_bars(BarChart("BarChart", [mark("123456.78", name)]), WIDE).bars
    assert bar.label == name
    narrow = chart(BarChart("BarChart", [mark("123456.78", name)]))
    assert re.findall(r'chart__name"[^>]*>([^<]*)', narrow)[1].endswith("\N{HORIZONTAL ELLIPSIS}")


def test_a_pair_chart_has_both_columns_the_net_and_a_few_round_figures() -> None:
    marks = [
        Mark("Oct", Decimal(3500), "in", comparison=Decimal(5200)),
        Mark("Nov", Decimal(300), "in"),
    ]
    drawn = draw_pairs(PairChart("In and out", marks, "In USD"), WIDE)
    assert [tick.label for tick in drawn.ticks] == ["0", "2k", "4k"]
    first, second = drawn.pairs
    assert first.comparison_height > first.value_height > second.value_height > 0
    assert first.net_y > drawn.zero > second.net_y
    assert second.comparison_height == 0


@pytest.mark.parametrize(("low", "high", "labels"), [
    (0, 0, ["0"]),
    (-30, 95, ["0", "50"]),
    (0, 4, ["0", "1", "2", "3", "4"]),
    (-1_874, 5_467, ["0", "2k", "4k"]),
    (0, 2_400_000, ["0", "1M", "2M"]),
    (0, 3e14, ["0", "100000bn", "200000bn", "300000bn"]),
])  # fmt: skip
def test_ticks_are_round_figures_in_few_characters(
    low: float, high: float, labels: list[str]
) -> None:
    assert [tick_label(value) for value in round_ticks(low, high)] == labels


def test_a_bar_far_longer_than_all_others_is_cut_and_they_stay_readable() -> None:
    marks = [
        Mark(name, Decimal(value), str(value))
        for name, value in zip("abc", (9000, 100, 50), strict=True)
    ]
    first, second, third = draw_bars(BarChart("Spent", marks), WIDE).bars
    assert first.cut_x is not None
    assert first.length == pytest.approx(second.length * 1.5)
    assert second.length == pytest.approx(third.length * 2)
    marks[0] = mark(300, "a")
    assert draw_bars(BarChart("Spent", marks), WIDE).bars[0].cut_x is None
