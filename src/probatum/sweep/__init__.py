"""Several trainings of one study, tried on validation posts; the winner is judged on test, once."""
