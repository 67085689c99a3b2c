"""Posts and predictions: what they are, how they are read, unified, audited and split."""
