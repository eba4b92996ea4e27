"""Sending money: the form, its review, the payment."""
