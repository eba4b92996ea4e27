"""Forms by which staff move money, each with a review: cash, refunds, holds and captures."""
