"""The name of a page, which logs may contain where its address may not."""

from django.urls import Resolver404, resolve


def page_name(path: str) -> str:
    """The name of the URL at this path with its namespaces, "" without one."""
    try:
        return resolve(path).view_name
    except Resolver404:
        return ""
