"""Load a model and its tokenizer from the hub, a local folder or the package."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from probatum.errors import ModelError, StageError
from probatum.model.checkpoint import check_checkpoint, lfs_pointers
from probatum.model.masks import check_attention
from probatum.model.memory import enforce_limit, free_bytes, size_words
from probatum.model.notices import counted, quiet
from probatum.study import Model as ModelSettings

BUILTIN = Path(__file__).parent / "builtin"
ADAPTER = "adapter_model.safetensors"


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to score or train.

    Attributes:
        model: a causal language model in evaluation mode, every parameter frozen.
        tokenizer: its tokenizer.
        name: what the study calls it.
        is_mxfp4: whether its experts stay in MXFP4.
        fast: whether the project's own kernels may be used, where there are any for the device.
    """

    model: Any
    tokenizer: Any
    name: str
    is_mxfp4: bool
    fast: bool = True

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return torch.device(self.model.device)

    @property
    def dtype(self) -> torch.dtype:
        """The type of its activations."""
        return self.model.dtype

    @property
    def text_config(self) -> Any:
        """The config of its language part."""
        return self.model.config.get_text_config()


@dataclass(frozen=True, slots=True)
class LoadingProgress:
    """How far a model is read.

    Attributes:
        tensors: tensors on the device.
        num_tensors: tensors of the model.
    """

    tensors: int
    num_tensors: int


def locate(settings: ModelSettings) -> str:
    """Return the folder or hub id that the study's model name stands for."""
    if settings.name.startswith("~"):
        return os.path.expanduser(settings.name)  # noqa: PTH111  # pathlib's raises where there is no home
    return str(BUILTIN) if settings.name == "builtin" else settings.name


def choose_device(settings: ModelSettings) -> torch.device:
    """Return the device to run on.

    Raises:
        ModelError: the study asks for a GPU and there is none.
    """
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise ModelError("model.device: cuda, but PyTorch sees no GPU; try device: cpu, or `probatum doctor`")
    if settings.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(settings.device)


def choose_dtype(settings: ModelSettings, device: torch.device) -> torch.dtype:
    """Return the floating type: what the study says, else float32 on a CPU and bfloat16 on a GPU."""
    if settings.dtype != "auto":
        return getattr(torch, settings.dtype)
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def load_config(settings: ModelSettings) -> Any:
    """Read the model's config without its weights.

    Raises:
        ModelError: there is no such model, or its architecture is unknown or not exact to pack.
    """
    from transformers import AutoConfig

    if settings.name.startswith((".", "/", "~")) and not Path(locate(settings)).is_dir():
        raise ModelError(f"{settings.name}: no such folder (a relative path is relative to the study file)")
    with _explained(settings):
        config = AutoConfig.from_pretrained(locate(settings), **_source(settings))
    check_attention(config.get_text_config())
    return config


def load_tokenizer(settings: ModelSettings) -> Any:
    """Load the model's tokenizer.

    Raises:
        ModelError: there is none.
    """
    from transformers import AutoTokenizer

    with _explained(settings):
        return AutoTokenizer.from_pretrained(locate(settings), **_source(settings))


def load_model(
    settings: ModelSettings, adapter: Path | None = None, report: Callable[[LoadingProgress], None] | None = None
) -> LoadedModel:
    """Load a model, with an adapter if one is given.

    Tensors go from their files' mapped pages to the device; main memory holds none twice.
    Phi-MoE's experts, which files hold one by one, are put together a layer at a time.

    Args:
        settings: the study's model.
        adapter: a folder in PEFT's format.
        report: told of every tensor.

    Raises:
        ModelError: the model, a file of it, or the adapter is missing or damaged.
        StageError: its weights do not fit into memory.
    """
    from probatum.model.mxfp4.experts import Mxfp4Experts
    from probatum.model.mxfp4.quantizer import keep_mxfp4

    config = load_config(settings)
    device = choose_device(settings)
    enforce_limit(device, settings.memory_limit)
    is_mxfp4 = keep_mxfp4(config)
    model = read_model(settings, config, report, is_mxfp4=is_mxfp4, device_map={"": device})
    fast = settings.kernels == "auto"
    for module in model.modules():
        if isinstance(module, Mxfp4Experts):
            module.use_kernels = fast
    loaded = LoadedModel(model, load_tokenizer(settings), settings.name, is_mxfp4, fast)
    return with_adapter(loaded, adapter) if adapter else loaded


def read_model(
    settings: ModelSettings,
    config: Any,
    report: Callable[[LoadingProgress], None] | None,
    *,
    is_mxfp4: bool,
    **placement: Any,
) -> Any:
    """Read a checkpoint's weights, once its files are found whole; every parameter is frozen.

    Args:
        settings: the study's model.
        config: the model's config.
        report: told of every tensor.
        is_mxfp4: whether its experts stay in MXFP4.
        placement: arguments of `from_pretrained` that say where weights go.

    Raises:
        ModelError: the model or a file of it is missing or damaged, or a weight is.
        StageError: its weights do not fit into memory.
    """
    from transformers import AutoModelForCausalLM

    check_checkpoint(locate(settings))
    device = choose_device(settings)
    with (
        _explained(settings),
        _fitting(settings, config, device, is_mxfp4=is_mxfp4),
        counted(lambda done, total: report(LoadingProgress(done, total)) if report else None),
    ):
        read: Any = AutoModelForCausalLM.from_pretrained(
            locate(settings),
            config=config,
            dtype=choose_dtype(settings, device),
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # refused below, by name
            output_loading_info=True,
            **placement,
            **_source(settings),
        )
    model, info = read
    if missing := sorted({*info["missing_keys"], *(name for name, *_ in info["mismatched_keys"])}):
        raise ModelError(
            f"{settings.name}: the checkpoint lacks {_listed(missing)}, or has them in other shapes than its config "
            "says; they would be made up at random"
        )
    return model.requires_grad_(requires_grad=False).eval()


def with_adapter(loaded: LoadedModel, adapter: Path) -> LoadedModel:
    """Return a model with a trained adapter in it.

    Raises:
        ModelError: the folder holds no adapter, or one for another model.
    """
    from peft import PeftModel

    for name in ("adapter_config.json", ADAPTER):
        if not (adapter / name).is_file():
            raise ModelError(f"{adapter}: no {name} there; train first (probatum train --help)")
    try:
        with quiet(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Found missing adapter keys")  # refused below
            tuned = PeftModel.from_pretrained(loaded.model, str(adapter))
        _check_adapter(tuned, adapter / ADAPTER)
    except (RuntimeError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError(f"{adapter}: this adapter does not fit {loaded.name}: {error}") from error
    return replace(loaded, model=tuned.eval())


def _check_adapter(tuned: Any, weights: Path) -> None:
    """Hold the adapter's weights against those that the model has a place for; PEFT itself lets both differ."""
    from peft import get_peft_model_state_dict

    wanted = set(get_peft_model_state_dict(tuned, save_embedding_layers=False))
    with safe_open(weights, framework="pt") as file:
        found = set(file.keys())
    if missing := sorted(wanted - found):
        raise ValueError(f"it lacks {_listed(missing)}")
    if strange := sorted(name for name in found - wanted if "lora_" in name):
        raise ValueError(f"the model has no place for {_listed(strange)}")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def without_adapter(loaded: LoadedModel) -> LoadedModel:
    """Take an adapter out again, so that the same weights serve the next stage."""
    unload = getattr(loaded.model, "unload", None)
    model: nn.Module = unload() if unload else loaded.model
    return replace(loaded, model=model.eval())


def _source(settings: ModelSettings) -> dict[str, Any]:
    return {"revision": settings.revision or "main", "trust_remote_code": settings.trust_remote_code}


@contextlib.contextmanager
def _explained(settings: ModelSettings) -> Iterator[None]:
    """Turn what transformers raises for a model that is not there into one error with what to try."""
    try:
        with quiet():
            yield
    except (ModelError, StageError):
        raise
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        raise ModelError(_advice(settings, error)) from error


@contextlib.contextmanager
def _fitting(settings: ModelSettings, config: Any, device: torch.device, *, is_mxfp4: bool) -> Iterator[None]:
    """Turn memory that runs out while weights are read into an error that says how much they take."""
    free = free_bytes(device, settings.memory_limit)
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        ran_out = isinstance(error, torch.OutOfMemoryError | MemoryError)
        if not ran_out and "can't allocate memory" not in str(error):  # PyTorch's words on a CPU
            raise
        from probatum.model.fit import skeleton, weight_bytes

        dtype = choose_dtype(settings, device)
        bones = skeleton(config, is_mxfp4=is_mxfp4, trust_remote_code=settings.trust_remote_code)
        takes = weight_bytes(bones, dtype)
        had = "an unknown amount" if free is None else size_words(free)
        half = "try model: {dtype: bfloat16}, " if dtype == torch.float32 else ""
        raise StageError(
            f"{settings.name}: its weights take about {size_words(takes)} as {str(dtype).removeprefix('torch.')}, "
            f"and {had} was free on {device}: memory ran out while they were read. "
            f"End what else uses it, {half}or take a smaller model or a larger machine; "
            "`probatum doctor STUDY` says what fits"
        ) from error


def _advice(settings: ModelSettings, error: Exception) -> str:
    first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    offline = os.environ.get("HF_HUB_OFFLINE") == "1"
    tries = [
        "a local folder: model: {name: path/to/folder} with config.json, tokenizer.json and *.safetensors in it",
        f"download it where there is a network: hf download {settings.name}; copy the folder here",
        "check the id on the hub: openai/gpt-oss-120b, openai/gpt-oss-20b, microsoft/Phi-3.5-MoE-instruct",
        "a gated model: hf auth login, and accept its licence on its page",
        "see the whole path work first: model: {name: builtin}",
    ]
    if (folder := Path(locate(settings))).is_dir():
        if pointers := lfs_pointers(folder):
            return (
                f"cannot load the model {settings.name!r}: {_listed(pointers)}: Git LFS pointers, not the files; "
                "run `git lfs pull` in that folder"
            )
        tries = [
            "copy the folder again: it needs config.json, tokenizer.json and *.safetensors of one model",
            "an architecture that is new: pip install --upgrade transformers",
            tries[-1],
        ]
    elif offline:
        tries.insert(0, "HF_HUB_OFFLINE=1 is set: unset it to let the hub be asked")
    listing = "\n".join(f"  - {line}" for line in tries)
    return f"cannot load the model {settings.name!r}: {first_line}\nTry:\n{listing}"
