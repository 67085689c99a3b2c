"""Make `from_pretrained` keep MXFP4 experts as they are and let adapters train around them.

transformers' own MXFP4 path is not trainable, or turns 65 GB into 234 GB of bf16; a registered quantizer replaces the
experts before the weights are read, so that the checkpoint's bytes land in them without any conversion.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers.quantizers import HfQuantizer
from transformers.quantizers.auto import register_quantization_config, register_quantizer
from transformers.utils.quantization_config import QuantizationConfigMixin

from probatum.model.mxfp4.experts import Mxfp4Experts

METHOD = "probatum_mxfp4"


@register_quantization_config(METHOD)
class FrozenMxfp4Config(QuantizationConfigMixin):
    """Says to transformers that the experts stay in MXFP4."""

    def __init__(self, modules_to_not_convert: list[str] | None = None, **_: Any) -> None:
        self.quant_method: Any = METHOD
        self.modules_to_not_convert = modules_to_not_convert


@register_quantizer(METHOD)
class FrozenMxfp4Quantizer(HfQuantizer):
    """Puts `Mxfp4Experts` where `GptOssExperts` stand, on the meta device, before loading."""

    requires_calibration = False

    def _process_model_before_weight_loading(self, model: nn.Module, **_: Any) -> None:
        experts = [name for name, module in model.named_modules() if type(module).__name__ == "GptOssExperts"]
        for name in experts:
            with torch.device("meta"):
                model.set_submodule(name, Mxfp4Experts(model.config))

    def _process_model_after_weight_loading(self, model: nn.Module, **_: Any) -> nn.Module:
        return model

    def param_needs_quantization(self, *_: Any, **__: Any) -> bool:
        """Nothing is quantised at load: the bytes already are."""
        return False

    def is_serializable(self) -> bool:
        """The bytes save as they were loaded."""
        return True

    @property
    def is_trainable(self) -> bool:
        """The experts pass gradients to their input, so adapters elsewhere train."""
        return True


def keep_mxfp4(config: Any) -> bool:
    """Point a model's config at the frozen experts if its checkpoint is in MXFP4.

    Returns:
        Whether the checkpoint is in MXFP4.
    """
    published = getattr(config, "quantization_config", None)
    if not isinstance(published, dict) or published.get("quant_method") != "mxfp4":
        return False
    config.quantization_config = {**published, "quant_method": METHOD}
    return True
