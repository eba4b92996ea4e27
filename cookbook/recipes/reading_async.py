"""A recipe about the asynchronous methods of the ORM."""

from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction

from cookbook.models import Voucher
from cookbook.recipes.reading import GROUP


def spend_all(code: str) -> Any:
    with transaction.atomic():
        voucher = Voucher.objects.select_for_update().get(code=code)
        voucher.spent = voucher.worth
        voucher.save(update_fields=["spent"])
        return voucher.spent


async def questions(code: str) -> dict[str, Any]:
    voucher = await Voucher.objects.aget(code=code)
    similar = Voucher.objects.filter(worth=voucher.worth).order_by("code")[:3]
    try:
        async with transaction.atomic():
            refused = ""
    except TypeError as error:
        refused = str(error)
    return {
        "aget": voucher.code,
        "acount": await Voucher.objects.filter(spent=0).acount(),
        "async for": [voucher.code async for voucher in similar],
        "async with atomic()": refused,
        "sync_to_async": await sync_to_async(spend_all)(code),
    }


@GROUP.recipe(
    "Async ORM: aget, async for, and atomic",
    asks="How do I use the ORM in an async view?",
    shows=(
        "async",
        "aget",
        "async for",
        "acount",
        "asave",
        "sync_to_async",
        "async_to_sync",
        "SynchronousOnlyOperation",
        "async ORM",
        "await",
    ),
    notice="Each method that sends a query has a form with a: aget, acount, acreate, asave. A "
    "queryset itself stays lazy, and async for runs it. atomic() has no asynchronous form, so the "
    "code of a transaction goes into one synchronous function, which sync_to_async runs.",
    pitfall="The queries are not asynchronous: Django runs them in a thread, one after the other, "
    "so asyncio.gather() of two queries is not faster. A plain get(), or reading a related object "
    "that is not loaded, raises SynchronousOnlyOperation in a coroutine. Ledger's views are "
    "synchronous, so async_to_sync runs the coroutine here, with the queries on this thread and "
    "its connection; asyncio.run() would use another connection.",
    writes=True,
)
def voucher_by_async_orm() -> dict[str, Any]:
    """Reads and changes a voucher in a coroutine."""
    return async_to_sync(questions)("GIFT-00040")
