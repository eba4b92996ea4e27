"""The people and the books of the tests of the search."""

from tests.transactions.search.conftest import ana, books, mara, scope

__all__ = ["ana", "books", "mara", "scope"]
