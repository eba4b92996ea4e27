"""Who holds money: users, accounts, sign-in, freezing and closing."""
