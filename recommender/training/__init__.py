"""Splits, training sets built from the category tree, the trainer and the gate."""
