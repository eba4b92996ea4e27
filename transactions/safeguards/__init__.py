"""What protects a person who pays: the review, known recipients, limits on questions."""
