"""Probatum: fine-tune a language model on labelled posts and get a verdict that holds up."""

__version__ = "0.1.0"
