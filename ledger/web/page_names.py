"""Finds the names of pages, for logs that must not contain URLs."""

from django.urls import Resolver404, resolve


def page_name(path: str) -> str:
    """Returns the name of the URL for a path, with its namespaces. Returns "" if there is no such
    URL.
    """
    try:
        return resolve(path).view_name
    except Resolver404:
        return ""
