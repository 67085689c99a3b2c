"""When two texts count as the same."""

from __future__ import annotations

import unicodedata


def normalise_text(text: str) -> str:
    """Fold compatibility forms, case and white space (Unicode NFKC, casefold, runs of white space to one space)."""
    if text.isascii():  # the same, in a tenth of the time
        return " ".join(text.lower().split())
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())
