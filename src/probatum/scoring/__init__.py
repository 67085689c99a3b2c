"""Systems that give a post a probability of the positive label."""
