"""The pages that send money: the form, its review, the payment."""
