"""What a person can get: the facts of her pathway, and what an offer's eligibility is of her."""
