"""Products, categories, rules, import runs and the outbox, in the database."""
