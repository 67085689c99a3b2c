"""From a file of predictions made elsewhere to runs: columns, the words that name labels, and the rows."""
