"""From the bytes of a file to records: formats, columns, ready prompts, and what can be wrong with each."""
