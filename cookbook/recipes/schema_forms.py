"""Recipes about forms, validators and functions of django.contrib.postgres."""

from datetime import date
from typing import Any

from django import forms
from django.contrib.postgres.forms import (
    DecimalRangeField,
    HStoreField,
    RangeWidget,
    SimpleArrayField,
    SplitArrayField,
)
from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.contrib.postgres.validators import (
    ArrayMaxLengthValidator,
    ArrayMinLengthValidator,
    KeysValidator,
    RangeMaxValueValidator,
    RangeMinValueValidator,
)
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from cookbook.models import FeeBand, Jar, JarNote, Office, Visit
from cookbook.recipes.schema import GROUP
from cookbook.runner.steps import step


class OfferForm(forms.Form):
    """A form with the fields of django.contrib.postgres."""

    services = SimpleArrayField(
        forms.CharField(max_length=30),
        validators=[ArrayMinLengthValidator(1), ArrayMaxLengthValidator(2)],
    )
    hours = SplitArrayField(forms.IntegerField(required=False), size=3, remove_trailing_nulls=True)
    amounts = DecimalRangeField(
        validators=[RangeMinValueValidator(0), RangeMaxValueValidator(1000)],
        widget=RangeWidget(forms.NumberInput()),
    )
    details = HStoreField(validators=[KeysValidator(["colour"], strict=True)])


@GROUP.recipe(
    "Form fields: arrays, ranges and hstore",
    asks="How do I use arrays and ranges in a form, and validate them?",
    shows=(
        "SimpleArrayField",
        "SplitArrayField",
        "RangeWidget",
        "HStoreField in a form",
        "ArrayMinLengthValidator",
        "ArrayMaxLengthValidator",
        "KeysValidator",
        "RangeMinValueValidator",
        "RangeMaxValueValidator",
        "form field",
    ),
    notice="A SimpleArrayField is one input with commas, a SplitArrayField one input for each "
    "element (hours_0, hours_1). A range field has two inputs, which its RangeWidget names "
    "amounts_0 and amounts_1, and returns a NumericRange. An HStoreField takes JSON with one "
    "level.",
    pitfall="An element with a comma cannot be typed into a SimpleArrayField, unless it has "
    "another delimiter. Validators run in forms and full_clean(), not in save(): "
    "create() stores an array of any length. An empty end of a range is no limit, which both "
    "range validators refuse.",
    writes=True,
)
def offer_by_form_fields() -> dict[str, Any]:
    """Stores the values of a valid form, and returns the errors of a form that is not valid."""
    right = {"services": "cash,safe", "hours_0": "9", "hours_1": "13", "details": '{"colour": 1}'}
    form = OfferForm({**right, "amounts_0": "10", "amounts_1": "100"})
    form.full_clean()
    with step("The values are stored"):
        services = form.cleaned_data["services"]
        Office.objects.create(name="Harbour", opened_on=date(2026, 6, 30), services=services)
        FeeBand.objects.create(name="small", amounts=form.cleaned_data["amounts"])
    wrong = OfferForm({"services": "a,b,c", "details": '{"size": 2}', "amounts_1": "2000"})
    errors = {name: " ".join(map(str, texts)) for name, texts in wrong.errors.items()}
    values = {name: str(value) for name, value in form.cleaned_data.items()}
    return {"values": list(values.items()), "errors": list(errors.items())}


class NoteForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form for a note. The model limits the jars that the form offers."""

    class Meta:
        model = JarNote
        fields = ("jar", "text")


@GROUP.recipe(
    "limit_choices_to: the rows that a form offers",
    asks="How do I offer only some related rows in a form?",
    shows=("limit_choices_to", "ModelForm", "choices of a foreign key"),
    notice="The foreign key has limit_choices_to={'coins__gt': 0}. The form's field and the admin "
    "add this condition to their query, so the empty jar is not offered, and a form that is sent "
    "with its key is not valid. A callable is evaluated for each form.",
    pitfall="It is no constraint: create() stores a note about the empty jar. full_clean() checks "
    "it, save() does not. A jar that becomes empty later keeps its notes, and their forms are no "
    "longer valid.",
    writes=True,
    teaches_model=True,
)
def jars_by_limit_choices_to() -> dict[str, Any]:
    """Offers two jars in a form, and stores a note about the jar that the form does not offer."""
    Jar.objects.bulk_create([Jar(name="rent", coins=950), Jar(name="holiday", coins=0)])
    holiday = Jar.objects.get(name="holiday")
    with step("The form"):
        form = NoteForm({"jar": holiday.pk, "text": "Fill it before July."})
        offered = [jar.name for jar in form.fields["jar"].queryset]
        errors = " ".join(map(str, form.errors["jar"]))
    with step("create()"):
        note = JarNote.objects.create(jar=holiday, text="Fill it before July.")
    return {"offered": offered, "error of the form": [errors], "stored": [note.jar.name]}


@GROUP.recipe(
    "TransactionNow and RandomUUID",
    asks="How do I get the time of the transaction, and a random key, from Postgres?",
    shows=(
        "TransactionNow",
        "RandomUUID",
        "CURRENT_TIMESTAMP",
        "STATEMENT_TIMESTAMP",
        "gen_random_uuid",
        "Now",
    ),
    notice="TransactionNow() is CURRENT_TIMESTAMP, the start of the transaction: all rows of a "
    "transaction get the same time. Django's Now() is STATEMENT_TIMESTAMP(), the start of the "
    "statement. RandomUUID() makes another key for each row.",
    pitfall="In a long transaction, TransactionNow() is old: rows of a transaction that began "
    "earlier and committed later have the earlier time. Random keys are spread over the whole "
    "index; keys in the order of time, such as UUIDv7, need fewer pages.",
)
def times_by_transaction_now() -> QuerySet[Visit, Any]:
    """Returns whether the transaction began before the statement, and a key for each row."""
    return (
        Visit.objects.annotate(
            transaction=TransactionNow(), waited=Now() - F("transaction"), key=RandomUUID()
        )
        .order_by("pk")
        .values("pk", "transaction", "waited", "key")[:2]
    )
