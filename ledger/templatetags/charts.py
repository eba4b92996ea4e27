"""Draws charts as SVG, without scripts and style attributes. The charts can be read without
colours.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ledger.charts.geometry import NARROW, WIDE, Chart, draw_bars, draw_columns, draw_pairs
from ledger.charts.stretched import draw_heat, draw_line

register = template.Library()

WIDTH, HEIGHT, EDGE = 240, 40, 3


DRAW: dict[str, Any] = {
    "columns": draw_columns,
    "pairs": draw_pairs,
    "bars": draw_bars,
    "line": draw_line,
    "heat": draw_heat,
}
STRETCHED = {"line", "heat"}  # their positions are in percent, so that one drawing fits all widths


@register.simple_tag
def chart(chart: Chart | None) -> SafeString | str:
    """Renders a chart once for wide screens and once for phones. CSS shows only one of the two.
    Line charts and heat maps fit every width, so they are rendered once. Returns "" if there are no
    values.
    """
    if chart is None or not chart.marks:
        return ""
    sizes = (WIDE,) if chart.kind in STRETCHED else (WIDE, NARROW)
    drawn = [DRAW[chart.kind](chart, size) for size in sizes]
    return render_to_string(f"includes/charts/_{chart.kind}.html", {"chart": chart, "drawn": drawn})


@register.filter
def at(number: float) -> str:
    """Formats a coordinate with one decimal ("12.5"), independent of the language."""
    return f"{number:.1f}"


@register.filter
def add_to(number: float, more: float) -> float:
    """Returns the sum of two coordinates. Django's filter `add` would truncate coordinates to
    integers.
    """
    return float(number) + float(more)


@register.simple_tag
def sparkline(values: Sequence[Decimal] | None) -> SafeString | str:
    """Renders a small line chart without axes, from the lowest to the highest value. Returns "" for
    fewer than two values.

    The chart is hidden from screen readers, because a text next to the chart contains the same
    information.
    """
    if not values or len(values) < 2:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or Decimal(1)
    flat = high == low
    points = " ".join(
        f"{WIDTH * step / (len(values) - 1):.1f},"
        f"{HEIGHT / 2 if flat else EDGE + (HEIGHT - 2 * EDGE) * float((high - value) / span):.1f}"
        for step, value in enumerate(values)
    )
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">'
        '<polyline points="{}"/></svg>',
        WIDTH,
        HEIGHT,
        points,
    )
