"""Users, their accounts and households, sign-in, freezing and closing."""
