"""The permissions of staff groups on reconciliations."""

from accounts.groups import MANAGER, OPERATIONS, READERS_OF_THE_BANK, let

let(*READERS_OF_THE_BANK, do=["reconciliation.view_reconciliation"])
let(OPERATIONS, MANAGER, do=["reconciliation.reconcile"])
