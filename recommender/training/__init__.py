"""Fine-tuning: the split of products, training sets, losses and batches, the run, and the promotion gate."""
