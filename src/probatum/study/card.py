"""What the model card says that no run can know."""

from __future__ import annotations

from pydantic import Field

from probatum.study.section import Section


class Card(Section):
    """The model card: what only its author knows. Whatever is left out is left out of the card, never guessed."""

    license: str | None = Field(None, description="licence of the adapter, as the hub names it: apache-2.0, mit, …")
    base_model: str | None = Field(
        None, description="hub id of the base model (default: model.name, unless that is a local folder)"
    )
    datasets: list[str] = Field([], description="hub ids of the data sets that the posts come from")
    language: list[str] = Field([], description="languages of the posts, as ISO 639 codes: en, es, …")
    intended_use: str | None = Field(None, description="what the model is for, in a sentence or two")
    limits: list[str] = Field([], description="what it must not be used for, or is known to do badly")
