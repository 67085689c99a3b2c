"""The verdict for people: terminal tables and Markdown; never imports torch."""
