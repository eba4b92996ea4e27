"""Random accounts, amounts and descriptions, without any model."""

import random
import uuid
from decimal import Decimal

WORDS = (
    "Rent Groceries Salary Coffee Dinner Insurance Electricity Phone Books Train Gym Dentist "
    "Garden Flowers Concert Repairs Shoes Bakery Pharmacy Taxi Fuel Holiday Gift Lunch"
).split()
dice = random.Random()  # noqa: S311  no secret


def account_id(number: int) -> uuid.UUID:
    """Returns the id of the account with this number (from 1). SQL can calculate the same id."""
    return uuid.UUID(f"00000000-0000-7000-8000-{number:012d}")


ACCOUNT_ID_SQL = "('00000000-0000-7000-8000-' || lpad(({})::text, 12, '0'))::uuid"


def some_pair(count: int) -> tuple[uuid.UUID, uuid.UUID]:
    """Returns two different random accounts: sender and recipient."""
    sender, recipient = dice.sample(range(1, count + 1), 2)
    return account_id(sender), account_id(recipient)


def some_amount() -> Decimal:
    """Returns a random amount from a cent to ten dollars."""
    return Decimal(dice.randint(1, 1000)) / 100


def some_words() -> str:
    """Returns a description such as "Rent 4711"."""
    return f"{dice.choice(WORDS)} {dice.randint(1, 9999)}"
