"""Products, categories, import runs, feed readers and the outbox."""
