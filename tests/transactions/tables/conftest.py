"""The people and the books of the tests of the search."""

from tests.transactions.search.conftest import ana, books, customer, mara

__all__ = ["ana", "books", "customer", "mara"]
