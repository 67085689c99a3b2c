"""The command line: one verb for each stage; each loads the study, calls one function, and prints the next command."""

from probatum.cli import whole, sweep, posts, stages, look, many, share  # isort: skip  # registered in this order, that of the help
from probatum.cli.app import app
from probatum.cli.entry import main

__all__ = ["app", "look", "main", "many", "posts", "share", "stages", "sweep", "whole"]
