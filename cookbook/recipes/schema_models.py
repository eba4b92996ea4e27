"""Recipes about models that share a table or have a parent, and about managers."""

from datetime import date
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import QuerySet

from accounts.models import User
from accounts.models.rights import GroupMembership
from cookbook.models import AirportOffice, Office, Voucher
from cookbook.recipes.schema import GROUP
from cookbook.runner.steps import step


@GROUP.recipe(
    "Proxy model: another class for the same table",
    asks="How do I add methods or another order to a model without another table?",
    shows=("proxy model", "proxy = True", "GroupMembership", "concrete_model"),
    notice="The bank's GroupMembership has proxy = True: it reads the table users_groups of "
    "User.groups.through. A proxy model can have its own manager, ordering, methods, "
    "permissions and page in the admin. Both queries are the same SQL.",
    pitfall="A proxy model cannot have additional fields. User.groups.through.objects returns "
    "objects without the new methods. And signals with the concrete model as sender are not sent "
    "when an object of the proxy is saved: their sender is the proxy.",
    writes=True,
)
def memberships_by_proxy_model() -> dict[str, Any]:
    """Adds Ana to a group by the proxy, and finds the row by both models."""
    ana = User.objects.get(email="ana@example.com")
    with step("Proxy"):
        GroupMembership.objects.create(user=ana, group=Group.objects.get(name="analysts"))
        by_proxy = GroupMembership.objects.filter(user=ana).count()
    with step("Concrete model"):
        by_concrete = User.groups.through.objects.filter(user=ana).count()
    return {
        "by the proxy": by_proxy,
        "by the concrete model": by_concrete,
        "same table": GroupMembership._meta.db_table == User.groups.through._meta.db_table,
    }


@GROUP.recipe(
    "Custom manager: as_manager(), from_queryset()",
    asks="How do I write a custom manager with methods that I can chain?",
    shows=("custom manager", "as_manager", "from_queryset", "custom QuerySet", "get_queryset"),
    notice="The methods are in VoucherQuerySet, and objects = VoucherQuerySet.as_manager(). So "
    "objects.unspent() and also unspent().worth_at_least(10) work: each adds a condition to the "
    "WHERE of one query. Manager.from_queryset() makes a manager class with further methods.",
    pitfall="A method that is only on a Manager cannot follow filter(). The first manager of a "
    "model is its default manager, which the admin and dumpdata use: rows that its get_queryset() "
    "leaves out are missing there too.",
)
def vouchers_by_custom_manager(amount: int = 10) -> QuerySet[Voucher, Any]:
    """Returns the newest unspent vouchers that are worth at least an amount."""
    vouchers = Voucher.objects.unspent().worth_at_least(amount)
    return vouchers.order_by("-sold_on", "code").values("code", "worth", "sold_on")[:5]


@GROUP.recipe(
    "Multi-table inheritance: a table for the child",
    asks="What happens in the database when a model inherits from another model?",
    shows=("multi-table inheritance", "parent_link", "model inheritance", "office_ptr"),
    notice="AirportOffice(Office) has a table with terminal and office_ptr_id only. create() is "
    "an INSERT into each of the two tables, and a query of AirportOffice joins them. "
    "Office.objects finds the same office without a join, and its child by the "
    "attribute airportoffice, with one more query.",
    pitfall="Each query of the child pays for the join, and no index can contain columns of both "
    "tables. With fields in common but no common queries, use a parent with abstract = True.",
    writes=True,
)
def office_by_multi_table_inheritance(terminal: str = "T2") -> dict[str, Any]:
    """Creates an office at an airport. Returns it by both models."""
    with step("create()"):
        AirportOffice.objects.create(
            name="Airport", slug="airport", opened_on=date(2026, 6, 30), terminal=terminal
        )
    with step("The child"):
        child = AirportOffice.objects.get(slug="airport")
    with step("The parent"):
        parent = Office.objects.get(slug="airport")
        return {
            "child": f"{child.name}, {child.terminal}",
            "parent": type(parent).__name__,
            "child of the parent": type(parent.airportoffice).__name__,
        }
