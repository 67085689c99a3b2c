"""Settings of the model, of its training and of its scoring."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from probatum.study.decision import Threshold, ThresholdRule
from probatum.study.section import AUTO, OR_AUTO, OR_SIZE, Planned, Section, or_else, parse_bytes

REFERENCE_POSTS, REFERENCE_TOKENS = 4, 1024  # what `auto` is on a CPU, and where nothing plans
YAML_OFF: Any = or_else({"const": False})  # as YAML 1.1 reads `off`


class Model(Section):
    """The model under study."""

    name: str = Field("builtin", description="a Hugging Face id, a local folder, or `builtin` for the toy model")
    revision: str | None = Field(None, description="a branch, tag or commit on the hub")
    dtype: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: float32 on a CPU, else bfloat16")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: the GPU if there is one")
    shard: bool = Field(
        False, description="split the weights over the GPUs of the run, for a model that fits no single one"
    )
    kernels: Literal["auto", "off"] = Field(
        "auto",
        description="off: compute all in PyTorch and transformers, slower and easier to check",
        json_schema_extra=YAML_OFF,
    )
    memory_limit: int | None = Field(
        None,
        ge=1,
        description="most memory to take on the device: 79GB, 40GiB or bytes; on a CPU it only bounds the plan",
        json_schema_extra=OR_SIZE,
    )
    trust_remote_code: bool = Field(False, description="run code that comes with the model; needs a pinned revision")

    @field_validator("kernels", mode="before")
    @classmethod
    def _yaml_reads_off_as_false(cls, value: Any) -> Any:
        return "off" if value is False else value

    @field_validator("memory_limit", mode="before")
    @classmethod
    def _bytes_of_words(cls, value: Any) -> Any:
        return parse_bytes(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _remote_code_is_pinned(self) -> Self:
        revision = self.revision or ""
        pinned = len(revision) == 40 and all(c in "0123456789abcdef" for c in revision)
        if self.trust_remote_code and not pinned:
            raise ValueError(
                "trust_remote_code needs revision: the full 40-digit commit of code that somebody has read"
            )
        return self


class Training(Planned):
    """LoRA fine-tuning."""

    AUTO = ("micro_batch_size", "gradient_checkpointing")

    rank: int = Field(32, ge=1, description="LoRA rank r")
    alpha: float = Field(64, gt=0, description="LoRA alpha; the update is scaled by alpha / r")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout on the LoRA input")
    targets: list[str] = Field(["q_proj", "k_proj", "v_proj", "o_proj"], description="modules that get an adapter")
    epochs: float = Field(3, gt=0, description="passes over the training posts")
    batch_size: int = Field(8, ge=1, description="posts in each optimiser step")
    micro_batch_size: int = Field(
        REFERENCE_POSTS,
        ge=1,
        description="posts in each forward pass, halved when memory runs out; auto: as many as fit",
        json_schema_extra=OR_AUTO,
    )
    learning_rate: float = Field(2e-4, gt=0, description="peak learning rate of AdamW")
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = Field(
        "linear", description="learning rate schedule"
    )
    warmup_steps: int = Field(100, ge=0, description="steps of linear warm-up")
    weight_decay: float = Field(0.0, ge=0, description="AdamW weight decay")
    max_grad_norm: float = Field(1.0, gt=0, description="gradient clipping norm")
    max_steps: int | None = Field(None, ge=1, description="stop after so many optimiser steps, whatever the epochs")
    eval_steps: int = Field(200, ge=1, description="validation loss and a checkpoint every so many steps")
    keep_checkpoints: int = Field(3, ge=1, description="checkpoints to keep, the best one always among them")
    early_stopping: int | None = Field(None, ge=1, description="stop after so many evaluations without a better loss")
    reweighting: Literal["none", "group_label"] = Field(
        "none", description="group_label: weigh posts so that group and label are independent, also for linear"
    )
    gradient_checkpointing: bool = Field(
        True,
        description="recompute activations instead of keeping them; auto: where they would not fit",
        json_schema_extra=OR_AUTO,
    )
    seed: int = Field(0, ge=0, description="seed of the adapter's start, the order of posts and the dropout")
    seeds: list[Annotated[int, Field(ge=0)]] | None = Field(
        None,
        min_length=1,
        description="train an adapter with each of these seeds; the first is the one that is judged and shipped, the "
        "others show how much of it is luck",
    )
    learning_curve: bool = Field(
        False, description="train on ¼ and ½ of the posts too, to see whether more posts would help"
    )
    report_to: list[Literal["mlflow", "wandb", "trackio"]] = Field(
        [], description="trackers to report to besides TensorBoard, which always gets everything"
    )

    @model_validator(mode="after")
    def _first_seed_is_the_one(self) -> Self:
        if self.seeds is None:
            return self
        if twice := [seed for seed in dict.fromkeys(self.seeds) if self.seeds.count(seed) > 1]:
            raise ValueError(f"seeds named more than once: {', '.join(map(str, twice))}")
        if "seed" in self.model_fields_set and self.seed != self.seeds[0]:
            raise ValueError(f"seed {self.seed} is not the first of seeds {self.seeds}; give one of the two")
        self.__dict__["seed"] = self.seeds[0]
        return self

    @model_validator(mode="after")
    def _batches_divide(self) -> Self:
        if self.is_auto("micro_batch_size"):
            self.__dict__["micro_batch_size"] = max(self.micro_batches(REFERENCE_POSTS))
        micro = min(self.micro_batch_size, self.batch_size)
        if self.batch_size % micro:
            raise ValueError(f"batch_size {self.batch_size} is not a multiple of micro_batch_size {micro}")
        return self

    def micro_batches(self, most: int) -> list[int]:
        """Return the numbers of posts, at most so many, by which a batch can be cut."""
        return [size for size in range(1, min(most, self.batch_size) + 1) if self.batch_size % size == 0]


class Scoring(Planned):
    """How a model's answer becomes a score."""

    AUTO = ("tokens_per_batch",)

    method: Literal["likelihood", "generate"] = Field(
        "likelihood", description="likelihood of the label words, or the parsed text of a greedy answer"
    )
    threshold: Threshold = Field(
        0.5, description="a score at or above it is the positive label; auto: chosen on validation, for each system"
    )
    rule: ThresholdRule = Field(default_factory=ThresholdRule, description="how threshold: auto is chosen")
    calibration: Literal["none", "temperature", "isotonic", "auto"] = Field(
        "none", description="make scores better probabilities, fitted on validation; auto: by cross-validation there"
    )
    tokens_per_batch: int = Field(
        REFERENCE_TOKENS,
        ge=64,
        description="most tokens in one packed row of posts; auto: as many as fit",
        json_schema_extra=OR_AUTO,
    )
    max_new_tokens: int = Field(10, ge=1, description="longest answer of `generate`")
    noise_floor: bool = Field(
        True, description="score the baseline twice, in other rows, to see what changes though nothing has changed"
    )

    @property
    def needs_validation(self) -> bool:
        """Whether validation posts must be scored: for a threshold or a calibration that rests on them."""
        return self.threshold == AUTO or self.calibration != "none"

    @model_validator(mode="after")
    def _needs_scores(self) -> Self:
        if self.needs_validation and self.method == "generate":
            raise ValueError("threshold: auto and calibration need scores, which method: generate does not give")
        if self.threshold != AUTO and self.rule != ThresholdRule():
            raise ValueError("rule is how threshold: auto is chosen; with a fixed threshold leave it out")
        return self
