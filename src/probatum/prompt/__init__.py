"""Strategies and their rendering to tokens: shared prefix, post, tail, label words."""
