"""Recipes about the fields of a model, a column that contains a list, and the model of users."""

from datetime import date
from decimal import Decimal
from typing import Any, Literal

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import CharField, Count, F, Func
from django.utils.text import slugify

from cookbook.models import Office
from cookbook.recipes.schema import GROUP
from cookbook.runner.steps import step


@GROUP.recipe(
    "Model fields: the column of each",
    asks="Which column type does each plain field of a model have in Postgres?",
    shows=(
        "model fields",
        "plain fields",
        "data types",
        "choices",
        "TextChoices",
        "CharField",
        "TextField",
        "SlugField",
        "slug",
        "DecimalField",
        "UUIDField",
        "BooleanField",
        "EmailField",
        "URLField",
        "IntegerField",
        "DateField",
        "DateTimeField",
        "auto_now_add",
        "auto_now",
        "max_length",
        "BigAutoField",
        "autoincrement",
        "sequence",
        "identity column",
        "blank",
        "null=True, blank=True",
        "PositiveIntegerField",
        "BinaryField",
        "DurationField",
        "GenericIPAddressField",
    ),
    notice="DecimalField(max_digits=6, decimal_places=2) is numeric(6, 2). A field with choices "
    "is a plain varchar: the labels stay in Python, and get_kind_display() returns them. "
    "A SlugField is a varchar too; slugify() makes its text. So are EmailField and URLField; an "
    "IntegerField is integer, a PositiveIntegerField the same with a CHECK, a BinaryField bytea, a "
    "DurationField interval, a GenericIPAddressField inet. The INSERT has a value for every "
    "column: uuid4() and auto_now_add are Python, not defaults of the table. A model without a "
    "primary key gets a BigAutoField: a bigint that the database numbers. null=True "
    "leaves out NOT NULL; blank=True changes nothing in the table: it allows an empty field in "
    "forms.",
    pitfall="choices are checked by forms and full_clean() only: create(kind='moon') is stored, "
    "so add a CheckConstraint. update() and bulk_update() do not set auto_now. And a FloatField "
    "rounds: money needs a DecimalField.",
    writes=True,
)
def office_by_its_fields(
    kind: Literal["city", "station", "airport"] = "station",
) -> list[dict[str, Any]]:
    """Creates an office, and returns each field with its column type and its stored value."""
    name = "Harbour Street"
    office = Office.objects.create(
        name=name, slug=slugify(name), kind=kind, fee=Decimal("2.50"), opened_on=date(2026, 6, 30)
    )
    office.refresh_from_db()
    return [
        {
            "field": type(field).__name__,
            "column": field.column,
            "type": field.db_type(connection),
            "value": field.value_from_object(office),
        }
        for field in Office._meta.concrete_fields
    ]


@GROUP.recipe(
    "ArrayField: a list in one column",
    asks="How do I store a list in a column, and filter by its elements?",
    shows=(
        "ArrayField",
        "ListField",
        "list field",
        "array",
        "tags",
        "contains",
        "contained_by",
        "overlap",
        "len",
        "slice",
        "array slice",
    ),
    notice="services has the type varchar(30)[]. contains is @>: all of these elements. overlap is "
    "&&: any of them. contained_by is <@: no other elements, which is also true for an empty list. "
    "len counts the elements. services__0 is the first element and services__0_2 a slice of two: "
    "Django counts from 0 and leaves out the end, so the SQL has [1] and [1:2].",
    pitfall="default=[] would be one list, shared by all objects: write default=list. Postgres "
    "checks no foreign key in an array: for rows of another table use a ManyToManyField. Only a "
    "GIN index helps contains, contained_by and overlap. An element that does not exist is NULL, "
    "not an error.",
    writes=True,
)
def offices_with_services(
    service: Literal["safe", "coins", "cash"] = "safe",
) -> dict[str, list[str]]:
    """Creates three offices with lists of services, and filters them by one service."""
    Office.objects.bulk_create(
        Office(name=name, slug=slugify(name), opened_on=date(2026, 6, 30), services=services)
        for name, services in [("Airport", []), ("Harbour", ["cash", "safe"]), ("Market", ["cash"])]
    )
    names = Office.objects.order_by("name").values_list("name", flat=True)
    with step("contains: all of these"):
        all_of = list(names.filter(services__contains=[service, "cash"]))
    with step("overlap: any of these"):
        any_of = list(names.filter(services__overlap=[service, "cash"]))
    with step("contained_by: no others"):
        no_other = list(names.filter(services__contained_by=[service, "cash"]))
    with step("len: how many"):
        none = list(names.filter(services__len=0))
    with step("0: the first element"):
        first = list(names.filter(services__0=service))
    with step("0_2: a slice"):
        two = list(names.filter(services__0_2=["cash", service]))
    return {
        "all of": all_of,
        "any of": any_of,
        "no other": no_other,
        "no service": none,
        "as its first": first,
        "as its first two": two,
    }


class Unnest(Func):
    """A row for each element of an array: Unnest("services")."""

    function = "unnest"
    arity = 1
    set_returning = True
    output_field = CharField()


@GROUP.recipe(
    "unnest(): a row for each element",
    asks="How do I count the elements of an array over all rows?",
    shows=("unnest", "Func", "set_returning", "array to rows", "group by an element"),
    notice="unnest() makes two rows of the office with two services, so GROUP BY can count the "
    "offices of each service. Django has no class for it: a Func of four lines is enough. With "
    "set_returning = True, count() counts the rows of unnest(); without it, Django leaves out the "
    "annotation that nothing uses, and counts the offices.",
    pitfall="A condition on the annotation is refused (0A000), because WHERE permits no function "
    "that returns several rows: filter with services__contains first. An office with an empty list "
    "has no row.",
    writes=True,
)
def services_by_unnest() -> dict[str, Any]:
    """Creates three offices with lists of services, and counts the offices of each service."""
    Office.objects.bulk_create(
        Office(name=name, slug=slugify(name), opened_on=date(2026, 6, 30), services=services)
        for name, services in [("Airport", []), ("Harbour", ["cash", "safe"]), ("Market", ["cash"])]
    )
    services = Office.objects.annotate(service=Unnest("services"))
    with step("By service"):
        by_service = services.values("service").annotate(offices=Count("pk")).order_by("service")
        counted = list(by_service)
    with step("Rows of unnest()"):
        rows = services.count()
    with step("With the first two services as a column"):
        two = Office.objects.order_by("name").values("name", two=F("services__0_2"))
        return {"by service": counted, "rows": [rows], "slices": list(two)}


@GROUP.recipe(
    "Custom user model: AUTH_USER_MODEL",
    asks="How do I make a user model that signs in by email instead of a username?",
    shows=(
        "custom user model",
        "AUTH_USER_MODEL",
        "get_user_model",
        "create_user",
        "create_superuser",
        "createsuperuser",
        "AbstractBaseUser",
        "AbstractUser",
        "BaseUserManager",
        "PermissionsMixin",
        "USERNAME_FIELD",
        "normalize_email",
    ),
    notice="The setting AUTH_USER_MODEL names the model, and get_user_model() returns it. Here it "
    "is an AbstractBaseUser with the fields of PermissionsMixin, and its manager a "
    "BaseUserManager with create_user(). save() stores the address in lower case, and a "
    "CheckConstraint refuses any other. Without a password the column gets ! and random "
    "characters, which no password matches.",
    pitfall="Set AUTH_USER_MODEL before the first migrate: later, every foreign key to the old "
    "table has to be moved by hand. normalize_email() lowers only the domain, so Nia@ and nia@ "
    "would be two people.",
    writes=True,
)
def person_by_user_model(
    email: Literal["Nia.Okoro@Example.com", "ANA@example.com"] = "Nia.Okoro@Example.com",
) -> dict[str, object]:
    """Creates a person with the manager of the user model, and returns what was stored."""
    people = get_user_model().objects
    person = people.create_user(email, name="Nia Okoro")
    return {
        "AUTH_USER_MODEL": settings.AUTH_USER_MODEL,
        "USERNAME_FIELD": person.USERNAME_FIELD,
        "stored as": person.email,
        "found in any case": people.get_by_natural_key(email.upper()) == person,
        "has a password": person.has_usable_password(),
    }
