"""Forms by which staff move money: cash, refunds, holds and captures. Each form has a review."""
