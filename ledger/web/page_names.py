"""The name of a page, for logs that may not contain its URL."""

from django.urls import Resolver404, resolve


def page_name(path: str) -> str:
    """Returns the URL name of a path with its namespaces; "" if it has none."""
    try:
        return resolve(path).view_name
    except Resolver404:
        return ""
