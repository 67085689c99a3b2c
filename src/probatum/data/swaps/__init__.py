"""Posts with the group that they name swapped for another."""
