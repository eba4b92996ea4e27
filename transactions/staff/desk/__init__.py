"""Forms that staff use to move money, each with a review: cash, refunds, holds and captures."""
