"""Forms by which staff move money: cash, refunds, holds. Each has a review and a reason."""
