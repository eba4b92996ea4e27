"""The pages that send money: the form, the review and the payment."""
