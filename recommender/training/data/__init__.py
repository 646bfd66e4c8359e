"""Training data from outside the catalogue: triplets, pairs, scores, labels, search logs and sessions."""
