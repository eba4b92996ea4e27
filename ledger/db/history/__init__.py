"""The history: the signed facts about who wrote a row, and the register of rows that must stay."""
