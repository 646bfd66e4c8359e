"""A Qdrant server or cluster, by its client."""
