"""A tiny gpt-oss in the published layout, loaded as training finds it."""

import pytest
import torch
from tests.checkpoints import write_gpt_oss
from transformers import AutoConfig, AutoModelForCausalLM

from probatum.model.load import LoadedModel
from probatum.model.mxfp4.quantizer import keep_mxfp4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_gpt_oss(tmp_path_factory.mktemp("gpt-oss"))


@pytest.fixture
def loaded(folder):
    config = AutoConfig.from_pretrained(folder)
    keep_mxfp4(config)
    model = AutoModelForCausalLM.from_pretrained(folder, config=config, dtype=torch.float32)
    model.requires_grad_(False)
    return LoadedModel(model.eval(), None, "tiny", is_mxfp4=True)
