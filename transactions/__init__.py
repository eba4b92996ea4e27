"""The app that books payments, holds and refunds, and contains all pages about them."""
