"""The permissions of staff groups on standing orders."""

from accounts.groups import OPERATIONS, READERS_OF_THE_BANK, let

let(*READERS_OF_THE_BANK, do=["standing_orders.view_standingorder"])
let(OPERATIONS, do=["standing_orders.end_standing_orders"])
