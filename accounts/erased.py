"""The texts that replace erased names, and the values of the history that identify a person."""

NAME = "A former customer"
DOMAIN = "erased.invalid"  # a domain that nobody can have (RFC 2606)
ACCOUNT_NAME = "Account"
HOUSEHOLD_NAME = "A former household"
FILE_NAME = "A file"
ERASED = "The data of this person is being erased, or is erased already."
NAMING = (
    "name",
    "email",
    "account there",
    "household",
)  # values of the history that identify people
