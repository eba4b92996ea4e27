"""Registers the search terms `has:note` and `has:tag`."""

from transactions.annotations.search import ids_with_note, ids_with_tag
from transactions.search.language.has_values import register

register("note", ids_with_note)
register("tag", ids_with_tag)
