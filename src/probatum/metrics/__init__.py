"""Statistics over labels, predictions and scores; numpy, scipy and scikit-learn only."""
