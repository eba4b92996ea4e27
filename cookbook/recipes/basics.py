"""Recipes that insert, read, update and delete rows."""

from datetime import date
from decimal import Decimal
from typing import Literal

from django.db.models import ProtectedError
from django.db.models.functions import Now

from accounts.models import Account, User
from cookbook.models import Contact, ExchangeRate, Jar, JarNote
from cookbook.recipe import RecipeGroup
from cookbook.runner.sessions import Session
from cookbook.runner.steps import step
from transactions.models import Transaction

GROUP = RecipeGroup("basics", "Basics", "Insert, read, update, delete, filter and sort.")


@GROUP.recipe(
    "create(): insert a row",
    asks="How do I insert a row?",
    shows=("create", "insert", "new row", "INSERT"),
    notice="create() sends one INSERT. Its RETURNING brings back what the database generated, here "
    "the id, so no SELECT follows. The owner is given as an object; the row stores owner_id.",
    pitfall="create() does not validate: forms call full_clean(), but save() does not. Only rules "
    "in the database are always checked.",
    writes=True,
)
def add_contact(name: str = "Mara Lindt") -> dict[str, object]:
    """Adds a person to the list of Ana's contacts."""
    ana = User.objects.get(email="ana@example.com")
    contact = Contact.objects.create(owner=ana, name=name, number="4821093755")
    return {"name": contact.name, "owner": contact.owner.name, "has an id": contact.pk is not None}


@GROUP.recipe(
    "get(): exactly one row",
    asks="How do I get one row, and what if there is none, or more than one?",
    shows=("get", "DoesNotExist", "MultipleObjectsReturned", "one row", "get_object_or_404"),
    notice="get() sends LIMIT 21, so that its error can name the number of rows, or “more "
    "than 20”. In a view, get_object_or_404() sends the same and raises Http404 for no row.",
    pitfall="get() on a column that is not unique works until the second row is added. first() "
    "never fails: it returns one of several rows, and None if there is no row.",
)
def the_only_account(name: Literal["Travel", "Savings", "Holiday"] = "Travel") -> object:
    """Returns the only account with this name, or a message if there are none or several."""
    try:
        return Account.objects.get(name=name)
    except Account.DoesNotExist:
        return f"No account is called {name}."
    except Account.MultipleObjectsReturned as error:
        return str(error)


@GROUP.recipe(
    "first(): one row, or None",
    asks="How do I get the first row, and what if there is none?",
    shows=("first", "last", "earliest", "None", "DoesNotExist", "one row or None"),
    notice="first() sends ORDER BY and LIMIT 1, by the primary key if the queryset has no order. "
    "No row gives None and no exception: the walrus in the if both fetches and asks. last() "
    "reverses the order and sends LIMIT 1 too.",
    pitfall="first().amount raises AttributeError on the day when no row matches; earliest() and "
    "get() raise DoesNotExist instead, which names what is missing. And first() hides that there "
    "are two rows where you expect one: there get() is right.",
)
def first_hold_of(name: Literal["Travel", "Everyday", "Savings"] = "Travel") -> dict[str, object]:
    """Finds the oldest pending hold on one of Ana's accounts by first() and by earliest()."""
    holds = Transaction.objects.filter(
        from_account__user__email="ana@example.com", from_account__name=name, status="pending"
    )
    hold = "no hold"
    with step("first(): None if there is no row"):
        if found := holds.order_by("created_at").first():
            hold = f"{found.amount} for {found.description}"
    with step("earliest(): an exception if there is no row"):
        try:
            earliest = str(holds.earliest("created_at").created_at.date())
        except Transaction.DoesNotExist as error:
            earliest = str(error)
    return {"first()": hold, "earliest()": earliest}


@GROUP.recipe(
    "get_or_create(): two parallel requests",
    asks="Is get_or_create() safe when two requests come at the same time?",
    shows=("get_or_create", "race", "unique"),
    notice="Ben finds no jar, and his INSERT waits for Ana's, which has put the same name into "
    "the unique index. When she commits, his INSERT is refused with 23505, and get_or_create() "
    "reads her row. update_or_create() does the same, and also locks the row.",
    pitfall="Only the unique constraint makes get_or_create() safe. Without one, both rows are "
    "inserted, and every later get_or_create() fails with MultipleObjectsReturned.",
    commits=True,
)
def get_or_create_at_once(ana: Session, ben: Session) -> dict[str, object]:
    """Creates the jar named rent for Ana and Ben in parallel. Only one jar should exist."""
    ana.begin()
    hers, made_by_ana = ana.run(lambda: Jar.objects.get_or_create(name="rent"))
    waiting = ben.start(lambda: Jar.objects.get_or_create(name="rent"))
    ana.commit()
    his, made_by_ben = waiting.result()
    return {"made by Ana": made_by_ana, "made by Ben": made_by_ben, "the same jar": hers == his}


@GROUP.recipe(
    "update_or_create(): change it, or insert it",
    asks="How do I change a row if it exists, and insert it otherwise?",
    shows=("update_or_create", "defaults", "create_defaults", "upsert", "unique"),
    notice="The SELECT has FOR UPDATE, so nobody else changes the row before the UPDATE. The first "
    "call finds none, and inserts inside a savepoint; the second updates the columns named in "
    "defaults, and dates, which may have auto_now. Columns for only the INSERT go into "
    "create_defaults.",
    pitfall="The fields outside defaults need a unique constraint: without one, two requests "
    "insert two rows. For many rows, bulk_create(update_conflicts=True) is one statement.",
    writes=True,
)
def rate_of_a_day(rate: Decimal = Decimal("1.12")) -> dict[str, object]:
    """Sets the euro's rate for a day twice: first it is inserted, then it is updated."""
    day = date(2026, 6, 1)
    with step("No row yet: INSERT"):
        _first, inserted = ExchangeRate.objects.update_or_create(
            currency="EUR", day=day, defaults={"rate": Decimal("1.08")}
        )
    with step("The row exists: UPDATE"):
        euro, inserted_again = ExchangeRate.objects.update_or_create(
            currency="EUR", day=day, defaults={"rate": rate}
        )
    return {"inserted": inserted, "inserted again": inserted_again, "rate": euro.rate}


@GROUP.recipe(
    "update(): change rows without loading them",
    asks="How do I update rows without loading them first?",
    shows=("update", "update without loading", "save", "update_fields"),
    notice="The loop sends a SELECT for the three accounts and an UPDATE for each of them; "
    "update() is one UPDATE, and returns the number of rows that matched.",
    pitfall="update() does not call save() and sends no signals. A plain save() in the loop writes "
    "back every column, and so undoes what others changed since: update_fields limits save() "
    "to the columns you name.",
    writes=True,
)
def limit_for_all(limit: Decimal = Decimal(1000)) -> dict[str, int]:
    """Sets the same daily limit for Ana's three accounts, in two ways."""
    accounts = Account.objects.filter(user__email="ana@example.com").order_by("number")
    with step("Read, change, save"):
        for account in accounts:
            account.daily_limit = limit
            account.save(update_fields=["daily_limit"])
    with step("Update without loading"):
        changed = accounts.update(daily_limit=limit)
    return {"changed": changed}


@GROUP.recipe(
    "delete(): CASCADE and PROTECT",
    asks="How do I delete a row or rows, and what do CASCADE and PROTECT do?",
    shows=(
        "delete",
        "CASCADE",
        "PROTECT",
        "SET_NULL",
        "ProtectedError",
        "on_delete",
        "DELETE",
        "delete a row",
    ),
    notice="Django, not Postgres, does the CASCADE: it deletes the notes before their jar, and "
    "delete() returns how many rows of each model were deleted. With SET_NULL it would send an "
    "UPDATE of the notes instead. For PROTECT, Django sends a SELECT "
    "for each foreign key that points to the account; some rows are found, so Django raises "
    "ProtectedError and sends no DELETE.",
    pitfall="The table does not know about CASCADE: a DELETE in raw SQL is refused by the "
    "foreign key. And a delete() that matches no row raises nothing: check the number it returns.",
    writes=True,
)
def delete_a_jar(name: str = "rent") -> dict[str, object]:
    """Deletes a jar with its two notes, and tries to delete an account that has payments."""
    jar = Jar.objects.create(name="rent", coins=100)
    for text in ("due on the first", "paid"):
        JarNote.objects.create(jar=jar, text=text)
    with step("CASCADE"):
        deleted, of_each = Jar.objects.filter(name=name).delete()
    refusal = ""
    with step("PROTECT"):
        try:
            Account.objects.filter(name="Travel").delete()
        except ProtectedError as error:
            refusal = error.args[0]
    return {"deleted": deleted, **of_each, "account": refusal}


@GROUP.recipe(
    "Soft delete: deleted_at and a manager",
    asks="How do I delete softly, with deleted_at and a manager?",
    shows=("soft delete", "deleted_at", "manager", "conditional unique"),
    notice="Deleting is an UPDATE. The manager named objects adds deleted_at IS NULL to every "
    "query; with_deleted adds nothing. The number can be used again: the unique index covers "
    "only rows WHERE deleted_at IS NULL.",
    pitfall="A unique constraint without that condition also counts the deleted rows, so the "
    "same number is refused later. A join from another model uses no manager: it finds the "
    "deleted rows.",
    writes=True,
)
def take_off_the_list(name: str = "Mara Lindt") -> dict[str, list[str]]:
    """Marks one of Ana's contacts as deleted, and adds the same number again."""
    ana = User.objects.get(email="ana@example.com")
    Contact.objects.create(owner=ana, name=name, number="4821093755")
    Contact.objects.filter(owner=ana, name=name).update(deleted_at=Now())
    Contact.objects.create(owner=ana, name=f"{name} again", number="4821093755")
    return {
        "living": list(Contact.objects.values_list("name", flat=True)),
        "all": list(Contact.with_deleted.order_by("pk").values_list("name", flat=True)),
    }
