"""The database rights on standing orders and their days."""

from ledger.db.rights.policies import IS_OWN, PAYS_FROM_OWN, PERSON, READS_BANK, Policy, may
from ledger.db.rights.registered_tables import Table, register

ORDERS = f"{IS_OWN} AND {PAYS_FROM_OWN}"
ENDS_ORDERS = may("end_standing_orders")
register(
    {
        # Staff can read orders to help customers, and can end orders. Nobody can order payments
        # from another person's account.
        "standing_orders": Table(
            web="SELECT, INSERT,"
            " UPDATE (amount, position, status, ended_why, refused_at, refused_why)",
            worker="SELECT, DELETE, UPDATE (position, status, ended_why, refused_at, refused_why,"
            " description, reference)",
            rows=Policy(
                reads=f"{READS_BANK} OR {IS_OWN}",
                writes=ORDERS,
                changes=f"{ORDERS} OR {ENDS_ORDERS}",
                becomes=f"{ORDERS} OR {ENDS_ORDERS} AND status = 'ended'",
            ),
            personal_data="texts of payments; deleted with the person",
        ),
        "standing_order_days": Table(
            web="SELECT, INSERT",
            worker="SELECT, INSERT, DELETE, UPDATE (reason)",
            rows=Policy(
                reads="EXISTS (SELECT FROM standing_orders AS it WHERE it.id = order_id)",
                writes="EXISTS (SELECT FROM standing_orders AS it"
                f" WHERE it.id = order_id AND it.owner_id = {PERSON})",
            ),
            personal_data="reasons of refusals; deleted with their order",
        ),
    }
)
