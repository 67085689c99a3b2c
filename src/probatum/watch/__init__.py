"""A run as it is seen while it works: what it says of itself, and how another shell reads that."""
