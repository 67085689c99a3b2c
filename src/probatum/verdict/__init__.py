"""From metrics to a verdict: criteria, comparisons, diagnosis; never imports torch."""
