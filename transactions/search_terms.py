"""What `has:` finds in the search: notes and tags."""

from transactions.annotations.search import ids_with_note, ids_with_tag
from transactions.search.language.has_values import register

register("note", ids_with_note)
register("tag", ids_with_tag)
