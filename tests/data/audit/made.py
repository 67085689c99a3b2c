"""Posts made for the audit's tests: none of them looks like another, and nothing in them tells their label."""

import random

from probatum.data.records import Post

WORDS = [
    "sun", "rain", "bread", "train", "river", "music", "paper", "stone", "winter", "garden", "apple", "horse",
    "window", "letter", "bridge", "forest", "kitchen", "lamp", "street", "copper", "silver", "market", "basket",
    "carpet", "engine", "feather", "hammer", "island", "jacket", "ladder", "mirror", "needle", "ocean", "pencil",
    "quarry", "ribbon", "saddle", "tunnel", "violin", "wagon", "yellow", "zebra", "candle", "dragon", "eagle",
    "flute", "glove", "harbor",
]  # fmt: skip


def made_texts(count, seed=0, length=12):
    """Different texts of so many words each; two of them share no more than chance has it."""
    draw = random.Random(seed)
    return [" ".join(draw.choice(WORDS) for _ in range(length)) for _ in range(count)]


def made_posts(count=400, seed=0, **change):
    """Posts of two labels in turn; `change` maps a field to a function of the number and the text."""
    posts = []
    for n, text in enumerate(made_texts(count, seed)):
        fields = {"text": text, "label": "hate" if n % 2 else "not_hate", "group": "g", "source": "s"}
        fields |= {name: value(n, text) for name, value in change.items()}
        posts.append(Post(id=f"p{n}", **fields))
    return posts
