"""`/api/v1/categories/` and `/api/v1/transactions/<id>/category/`: the caller's own categories."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError as InvalidValue
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import (
    InstantField,
    StrictSerializer,
    TextField,
    picked,
    row_of,
    rows_of,
    values_of,
)
from api.own_rows import own_transaction
from api.paging import known_only
from api.parameters import FIELDS
from api.views import ApiView
from ledger.db.ids import uuid7
from transactions.annotations.categories import (
    CategoryChange,
    CategoryInUse,
    categories_in_use,
    changes_of,
    own_category,
)
from transactions.annotations.models.own_category import CATEGORY_LIMIT
from transactions.categories.forms import CategoryField, mistakes_of
from transactions.categories.rules import rows_of as payments_found
from transactions.categories.services import give_category, remove_category, undo_change
from transactions.models import Transaction
from transactions.scope import scope_for

OF_OWN = f"At most {CATEGORY_LIMIT} characters; stored in lowercase."


class CategoryInUseSerializer(serializers.Serializer[CategoryInUse]):
    """A category of the caller's transactions."""

    category = serializers.CharField()
    count = serializers.IntegerField(help_text="The caller's transactions in it.")
    given = serializers.IntegerField(
        help_text="Transactions to which the caller or a rule assigned it."
    )


class CategoriesSerializer(serializers.Serializer[Any]):
    """All categories on one page. The most frequent category is first."""

    results = CategoryInUseSerializer(many=True)


class TransactionCategorySerializer(serializers.Serializer[Transaction]):
    """The category of a transaction."""

    category = serializers.CharField(allow_null=True, help_text="The effective category.")
    own = serializers.CharField(allow_null=True, help_text="The category that the caller assigned.")


class NewCategorySerializer(StrictSerializer):
    """The category that replaces the current category of a transaction."""

    category = TextField(help_text=OF_OWN)


class CategoryChangeSerializer(serializers.Serializer[CategoryChange]):
    """A change that assigned a category to several transactions."""

    id = serializers.UUIDField()
    category = serializers.CharField()
    count = serializers.IntegerField(
        help_text="Transactions that still have this category from the change."
    )
    changed_at = InstantField(source="at")


class CategoryChangesSerializer(serializers.Serializer[Any]):
    """The newest changes of categories, at most MAX_CHANGES. The newest change is first."""

    results = CategoryChangeSerializer(many=True)


class NewCategoryChangeSerializer(NewCategorySerializer):
    """A category that is assigned to all transactions of a search."""

    q = TextField(help_text="A search for transactions, such as category:savings.")


class CategoryChangedSerializer(serializers.Serializer[Any]):
    """The result of a change."""

    id = serializers.UUIDField(
        allow_null=True, help_text="The id for undoing the change; null if no transaction changed."
    )
    category = serializers.CharField()
    count = serializers.IntegerField(help_text="Number of changed transactions.")


class CategoryList(ApiView):
    """The categories of the caller's transactions."""

    instead = (
        "A category exists once a transaction has it: PUT /api/v1/transactions/<id>/category/."
    )

    @extend_schema(
        operation_id="categories_list", parameters=[FIELDS], responses=CategoriesSerializer
    )
    def get(self, request: Request) -> Response:
        """Returns the categories of the caller's transactions. The most frequent category is
        first.
        """
        known_only(request)
        person = self.caller.person
        rows = categories_in_use(person, scope_for(person).transactions())
        results = rows_of(CategoryInUseSerializer, rows)
        return Response({"results": picked(results, request.query_params.get("fields"))})


class TransactionCategory(ApiView):
    """The category that the caller has assigned to a transaction. Other users cannot see it."""

    @extend_schema(operation_id="categories_read", responses=TransactionCategorySerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        """Returns the category of a transaction. If the caller has assigned a category, `category`
        and `own` both contain it. Otherwise `category` is the bank's category, and `own` is null.
        """
        known_only(request)
        return self._answer(pk)

    @extend_schema(
        operation_id="categories_give",
        request=NewCategorySerializer,
        responses=TransactionCategorySerializer,
    )
    def put(self, request: Request, pk: UUID) -> Response:
        """Assigns a category to a transaction of the caller. The posted transaction does not
        change. A repeated request changes nothing.
        """
        known_only(request)
        person = self.caller.person
        own_transaction(person, pk)  # checked before the value
        data: dict[str, Any] = values_of(NewCategorySerializer, request.data)
        category = _category(data["category"])
        rows = Transaction.objects.visible_to(person).filter(pk=pk)
        give_category(owner=person, rows=rows, category=category, change=uuid7())
        return self._answer(pk)

    @extend_schema(operation_id="categories_take", request=None, responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Removes the category that the caller has assigned. The transaction then has the bank's
        category again. A repeated request changes nothing.
        """
        known_only(request)
        person = self.caller.person
        remove_category(owner=person, transaction=own_transaction(person, pk))
        return Response(status=204)

    def _answer(self, pk: UUID) -> Response:
        person = self.caller.person
        rows = Transaction.objects.visible_to(person).filter(pk=pk)
        row = rows.values("category", own=own_category(person)).first()
        if row is None:
            raise Http404
        found = {"category": row["own"] or row["category"], "own": row["own"]}
        return Response(row_of(TransactionCategorySerializer, found))


class CategoryChangeList(ApiView):
    """Changes that assign a category to several transactions."""

    answers_earlier_rows = ("POST",)  # the response contains the number of transactions of a search

    @extend_schema(
        operation_id="categories_changes", parameters=[FIELDS], responses=CategoryChangesSerializer
    )
    def get(self, request: Request) -> Response:
        """Returns the newest category changes. The newest change is first. Each change can be
        undone.
        """
        known_only(request)
        rows = rows_of(CategoryChangeSerializer, changes_of(self.caller.person))
        return Response({"results": picked(rows, request.query_params.get("fields"))})

    @extend_schema(
        operation_id="categories_change",
        request=NewCategoryChangeSerializer,
        responses=CategoryChangedSerializer,
    )
    def post(self, request: Request) -> Response:
        """Assigns a category to all transactions of a search. A repeated request changes nothing,
        and `id` in its response is null.
        """
        known_only(request)
        data: dict[str, Any] = values_of(NewCategoryChangeSerializer, request.data)
        category = _category(data["category"])
        if wrong := mistakes_of(data["q"]):
            raise ValidationError({"q": wrong})
        person, change = self.caller.person, uuid7()
        rows = payments_found(person, data["q"])
        count = give_category(owner=person, rows=rows, category=category, change=change)
        found = {"id": change if count else None, "category": category, "count": count}
        return Response(row_of(CategoryChangedSerializer, found))


class CategoryChangeDetail(ApiView):
    """A category change of several transactions."""

    @extend_schema(operation_id="categories_undo", request=None, responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Undoes a category change. The transactions have their previous categories again."""
        known_only(request)
        if not undo_change(owner=self.caller.person, change=pk):
            raise Http404
        return Response(status=204)


def _category(typed: str) -> str:
    """Returns the category in the form in which it is stored.

    Raises: ValidationError for an invalid category.
    """
    try:
        return CategoryField().clean(typed)
    except InvalidValue as error:
        raise ValidationError({"category": error.messages}) from None
