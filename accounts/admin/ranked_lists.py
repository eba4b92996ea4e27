"""Lists of the admin whose search results are sorted by rank."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.text import smart_split

from accounts.name_search import CUT, NameSearch


class RankedChangeList(ChangeList):
    def get_ordering_field_columns(self) -> Any:
        """Returns the columns by which the list is sorted. Returns no columns if the search sorts
        the list.
        """
        is_ranked = self.query and not self.params.get(ORDER_VAR)
        return {} if is_ranked else super().get_ordering_field_columns()


class RankedSearch(admin.ModelAdmin):  # type: ignore[type-arg]
    """An admin list of people or accounts. Search results are sorted by rank (see Note [Ranked
    names]), unless the user sorts the list by a column.
    """

    search_fields = ("name",)  # shows the search box; `get_search_results` does the search

    def names(self, request: HttpRequest, typed: list[str]) -> NameSearch:
        """Returns the search for these words and phrases. The search depends on what the user may
        see.
        """
        raise NotImplementedError

    def matching(self, request: HttpRequest, typed: str, names: NameSearch) -> tuple[Q, Any]:
        """Returns the condition for the rows that match, and the expression that ranks them."""
        raise NotImplementedError

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RankedChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term:
            return queryset, False
        names = self.names(request, words_and_phrases(search_term))
        if names.is_cut:
            self.message_user(request, CUT, messages.WARNING)
        condition, rank = self.matching(request, search_term, names)
        found = queryset.filter(condition)
        if names.groups and not request.GET.get(ORDER_VAR):
            found = found.order_by(rank.desc(), *queryset.query.order_by)
        return found, False


def words_and_phrases(typed: str) -> list[str]:
    """Returns the words of a search text. Words in quotes are one phrase."""
    return [word.strip("\"'") if word[:1] in "\"'" else word for word in smart_split(typed)]
