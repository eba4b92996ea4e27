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
    """The categories, the most frequent first, all on one page."""

    results = CategoryInUseSerializer(many=True)


class TransactionCategorySerializer(serializers.Serializer[Transaction]):
    """The category of a transaction."""

    category = serializers.CharField(allow_null=True, help_text="The effective category.")
    own = serializers.CharField(allow_null=True, help_text="The category that the caller assigned.")


class NewCategorySerializer(StrictSerializer):
    """A category that replaces the current one."""

    category = TextField(help_text=OF_OWN)


class CategoryChangeSerializer(serializers.Serializer[CategoryChange]):
    """Transactions whose category was changed together."""

    id = serializers.UUIDField()
    category = serializers.CharField()
    count = serializers.IntegerField(
        help_text="Transactions that still have this category from the change."
    )
    changed_at = InstantField(source="at")


class CategoryChangesSerializer(serializers.Serializer[Any]):
    """The last changes, newest first, all on one page."""

    results = CategoryChangeSerializer(many=True)


class NewCategoryChangeSerializer(NewCategorySerializer):
    """A category for all transactions of a search."""

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
        """Returns the categories of the caller's transactions, the most frequent first."""
        known_only(request)
        person = self.caller.person
        rows = categories_in_use(person, scope_for(person).transactions())
        results = rows_of(CategoryInUseSerializer, rows)
        return Response({"results": picked(results, request.query_params.get("fields"))})


class TransactionCategory(ApiView):
    """The category that the caller assigns to a transaction. It is visible only to the caller."""

    @extend_schema(operation_id="categories_read", responses=TransactionCategorySerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        """Returns the category of a transaction, and whether the caller assigned it."""
        known_only(request)
        return self._answer(pk)

    @extend_schema(
        operation_id="categories_give",
        request=NewCategorySerializer,
        responses=TransactionCategorySerializer,
    )
    def put(self, request: Request, pk: UUID) -> Response:
        """Assigns a category to the caller's transaction. The posted row does not change. Repeated
        requests change nothing.
        """
        known_only(request)
        person = self.caller.person
        own_transaction(person, pk)  # before the value is checked
        data: dict[str, Any] = values_of(NewCategorySerializer, request.data)
        category = _category(data["category"])
        rows = Transaction.objects.visible_to(person).filter(pk=pk)
        give_category(owner=person, rows=rows, category=category, change=uuid7())
        return self._answer(pk)

    @extend_schema(operation_id="categories_take", request=None, responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Removes the category that the caller assigned. The bank's category applies again.
        Repeated requests change nothing.
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
    """Category changes of many transactions."""

    answers_earlier_rows = ("POST",)  # the number of transactions of a search

    @extend_schema(
        operation_id="categories_changes", parameters=[FIELDS], responses=CategoryChangesSerializer
    )
    def get(self, request: Request) -> Response:
        """Returns the last category changes, newest first. Each can be undone."""
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
        and `id` is null.
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
    """One change."""

    @extend_schema(operation_id="categories_undo", request=None, responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Undoes a category change. The categories from before apply again."""
        known_only(request)
        if not undo_change(owner=self.caller.person, change=pk):
            raise Http404
        return Response(status=204)


def _category(typed: str) -> str:
    """Returns the category as it is stored.

    Raises: ValidationError.
    """
    try:
        return CategoryField().clean(typed)
    except InvalidValue as error:
        raise ValidationError({"category": error.messages}) from None
