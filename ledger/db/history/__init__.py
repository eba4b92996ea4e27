"""The history: who a write is from, signed, and the register of rows that must stay."""
