"""Charts as SVG, drawn here: no script, no style attribute, readable without colour."""

from collections.abc import Sequence
from decimal import Decimal

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

WIDTH, HEIGHT, EDGE = 240, 40, 3


@register.simple_tag
def sparkline(values: Sequence[Decimal] | None) -> SafeString | str:
    """A line over equal steps, from the lowest to the highest value. Words beside it say more,
    so it is hidden from screen readers."""
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
