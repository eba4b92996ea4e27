"""The template tag for a place on a page where features show their panels."""

from typing import Any

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from ledger.web.panels import PREPARED, ShownPanel, shown_in

register = template.Library()


@register.simple_tag(takes_context=True)
def panels(context: Any, place: str) -> SafeString:
    """Renders the panels that features have registered for a place on the page, one per line. The
    templates of the panels can use the page's context.
    """
    prepared: dict[str, list[ShownPanel]] = context.get(PREPARED, {})
    found = prepared.get(place)
    if found is None:
        found = shown_in(place, context["request"], context.flatten())
    return format_html_join("\n", "{}", ((_rendered(context, panel),) for panel in found))


def _rendered(context: Any, panel: ShownPanel) -> SafeString:
    found = context.template.engine.get_template(panel.template)
    with context.push(**panel.values):
        rendered: SafeString = found.render(context)
    return rendered
