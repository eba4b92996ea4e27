"""The pages of the admin about money: lists, forms with a review (desk), one search (find)."""
