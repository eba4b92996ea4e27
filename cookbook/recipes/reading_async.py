"""A recipe about the asynchronous methods of the ORM."""

from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction

from cookbook.recipes.migrations import parcels
from cookbook.recipes.reading import GROUP
from cookbook.runner.steps import step


def double(parcel: Any, code: str) -> int:
    with transaction.atomic():
        found = parcel.objects.select_for_update().get(code=code)
        found.grams *= 2
        found.save(update_fields=["grams"])
        return int(found.grams)


async def questions(parcel: Any, code: str) -> dict[str, Any]:
    found = await parcel.objects.aget(code=code)
    heavy = parcel.objects.filter(grams__gt=0).order_by("-grams")
    try:
        async with transaction.atomic():
            refused = ""
    except TypeError as error:
        refused = str(error)
    return {
        "aget": found.grams,
        "acount": await heavy.acount(),
        "async for": [each.code async for each in heavy],
        "async with atomic()": refused,
        "sync_to_async": await sync_to_async(double)(parcel, code),
        "aupdate": await parcel.objects.filter(grams__lt=0).aupdate(grams=1),
    }


@GROUP.recipe(
    "Async ORM: aget, async for, and atomic",
    asks="How do I use the ORM in an async view?",
    shows=(
        "async",
        "aget",
        "async for",
        "acount",
        "aupdate",
        "asave",
        "sync_to_async",
        "async_to_sync",
        "SynchronousOnlyOperation",
        "async ORM",
        "await",
    ),
    notice="Each method that sends a query has a form with a: aget, acount, aupdate, asave. A "
    "queryset itself stays lazy, and async for runs it. atomic() has no asynchronous form, so the "
    "code of a transaction goes into one synchronous function, which sync_to_async runs.",
    pitfall="The queries are not asynchronous: Django runs them in a thread, one after the other, "
    "so asyncio.gather() of two queries is not faster. A plain get(), or reading a related object "
    "that is not loaded, raises SynchronousOnlyOperation in a coroutine. Ledger's views are "
    "synchronous, so async_to_sync runs the coroutine here, with the queries on this thread and "
    "its connection; asyncio.run() would use another connection.",
    own_database=True,
)
def parcel_by_async_orm() -> dict[str, Any]:
    """Reads and changes a parcel in a coroutine."""
    parcel: Any = parcels().apps.get_model("shop", "Parcel")
    with step("In a coroutine"):
        return async_to_sync(questions)(parcel, "A1")
