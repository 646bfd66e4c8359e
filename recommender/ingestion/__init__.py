"""The worker that carries catalogue changes into the index, and the backfill of a generation."""
