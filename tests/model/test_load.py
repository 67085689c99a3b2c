"""Loading: the published layouts, and one clear error for everything that can be wrong with a model."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from tests.checkpoints import PHIMOE, write_published
from tests.tiny_tokenizers import byte_bpe, fast
from transformers import AutoModelForCausalLM, Mxfp4Config

from probatum.errors import ModelError, StageError
from probatum.model.checkpoint import INDEX
from probatum.model.load import (
    BUILTIN,
    LoadedModel,
    LoadingProgress,
    choose_dtype,
    load_config,
    load_model,
    load_tokenizer,
    locate,
    with_adapter,
    without_adapter,
)
from probatum.model.mxfp4.experts import Mxfp4Experts
from probatum.study import Model

SHARD = "model-00001-of-00003.safetensors"
IDS = torch.arange(40).view(2, 20) * 9 % 370


def settings(name, **more):
    return Model(name=str(name), device="cpu", **more) if "device" not in more else Model(name=str(name), **more)


def logits(model):
    with torch.no_grad():
        return model(IDS).logits


@pytest.fixture
def copy(gpt_oss, tmp_path):
    """The gpt-oss folder, to be damaged."""
    return Path(shutil.copytree(gpt_oss, tmp_path / "copy"))


def test_gpt_oss_loads_as_published_with_its_experts_in_mxfp4(gpt_oss):
    loaded = load_model(settings(gpt_oss))
    experts = [layer.mlp.experts for layer in loaded.model.model.layers]
    assert loaded.is_mxfp4
    assert all(isinstance(expert, Mxfp4Experts) for expert in experts)
    stored = {name: part for shard in gpt_oss.glob("*.safetensors") for name, part in load_file(shard).items()}
    assert torch.equal(experts[1].down_proj_blocks, stored["model.layers.1.mlp.experts.down_proj_blocks"])
    assert (loaded.device.type, loaded.dtype) == ("cpu", torch.float32)
    assert not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())
    assert loaded.tokenizer.decode(loaded.tokenizer("lovely weather")["input_ids"]) == "lovely weather"


def test_gpt_oss_has_the_logits_of_transformers_dequantised_load(gpt_oss):
    dense = AutoModelForCausalLM.from_pretrained(gpt_oss, quantization_config=Mxfp4Config(dequantize=True)).float()
    torch.testing.assert_close(logits(load_model(settings(gpt_oss)).model), logits(dense), rtol=1e-5, atol=1e-5)


def test_the_type_can_be_chosen(gpt_oss):
    loaded = load_model(settings(gpt_oss, dtype="bfloat16"))
    assert loaded.dtype == torch.bfloat16
    assert loaded.model.model.layers[0].mlp.experts.down_proj_blocks.dtype == torch.uint8


@pytest.mark.parametrize(
    ("device", "dtype", "chosen"),
    [
        ("cpu", "auto", torch.float32),
        ("cuda", "auto", torch.bfloat16),
        ("cpu", "bfloat16", torch.bfloat16),
        ("cuda", "float32", torch.float32),
    ],
)
def test_which_type_is_chosen(device, dtype, chosen):
    assert choose_dtype(Model(dtype=dtype), torch.device(device)) == chosen


@pytest.mark.parametrize("tied", [False, True])
def test_a_dense_model_in_shards_loads_as_it_was_written(llama, tied):
    folder, model = llama(tie_word_embeddings=tied)
    assert (folder / INDEX).is_file()
    loaded = load_model(settings(folder))
    assert not loaded.is_mxfp4
    assert torch.equal(logits(loaded.model), logits(model))


def test_the_built_in_model_needs_no_name():
    assert locate(Model()) == str(BUILTIN)
    assert load_config(Model()).model_type == "gpt_oss"


def test_a_tilde_is_the_home(gpt_oss, monkeypatch):
    monkeypatch.setenv("HOME", str(gpt_oss.parent))
    assert load_config(settings(f"~/{gpt_oss.name}")).model_type == "gpt_oss"
    with pytest.raises(ModelError, match=r"^~/none: no such folder"):
        load_config(settings("~/none"))


def test_a_damaged_checkpoint_is_refused_before_it_is_read(copy):
    (copy / SHARD).write_bytes((copy / SHARD).read_bytes()[:1000])
    with pytest.raises(ModelError, match=rf"^{copy / SHARD}: cut off after 1,000 bytes"):
        load_model(settings(copy))


def test_loading_tells_how_far_it_is_and_writes_nothing(gpt_oss, capfd):
    told = []
    loaded = load_model(settings(gpt_oss), report=told.append)
    total = len(loaded.model.state_dict())
    assert told == [LoadingProgress(done, total) for done in range(total + 1)]
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def wide(llama, tmp_path):
    """Write 130 MB of bfloat16 weights: dense, or experts one by one, to be put together."""

    def write(kind):
        if kind == "llama":
            return llama(hidden_size=1024, intermediate_size=4096, num_hidden_layers=4, dtype=torch.bfloat16)[0]
        layers = {"num_hidden_layers": 16, "num_local_experts": 8, "hidden_size": 256, "intermediate_size": 640}
        folder = write_published(tmp_path / "phi", PHIMOE | layers | {"num_attention_heads": 16}, "20MB")
        fast(byte_bpe()).save_pretrained(folder)
        return folder

    return write


@pytest.mark.parametrize(
    ("kind", "dtype", "most"), [("llama", "bfloat16", 0.15), ("llama", "float32", 1.15), ("phi", "float32", 1.15)]
)
def test_no_weight_is_held_twice_in_main_memory(wide, kind, dtype, most):
    """Read as they are stored, weights stay in the files' mapped pages; in another type they are there once."""
    folder = wide(kind)
    script = (
        "import sys, threading\n"
        "from transformers.models.llama import modeling_llama\n"
        "from transformers.models.phimoe import modeling_phimoe\n"
        "from probatum.model.load import load_model\n"
        "from probatum.study import Model\n"
        "def anonymous():\n"
        "    rows = open('/proc/self/status').read().splitlines()\n"
        "    return int(next(row for row in rows if row.startswith('RssAnon')).split()[1]) * 1024\n"
        "peak, done = [0], threading.Event()\n"
        "def watch():\n"
        "    while not done.wait(0.002):\n"
        "        peak[0] = max(peak[0], anonymous())\n"
        "before = anonymous()\n"
        "watcher = threading.Thread(target=watch)\n"
        "watcher.start()\n"
        "model = load_model(Model(name=sys.argv[1], dtype=sys.argv[2], device='cpu')).model\n"
        "done.set()\n"
        "watcher.join()\n"
        "held = sum(weight.numel() * weight.element_size() for weight in model.parameters())\n"
        "print((peak[0] - before) / held)\n"
    )
    # as with tensors of a real size, what is freed goes back to the system at once
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "MALLOC_MMAP_THRESHOLD_": str(2**16)}
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), dtype], env=env, capture_output=True, text=True, check=True
    )
    assert most - 0.15 <= float(done.stdout) < most


def test_tensors_that_are_not_there_are_never_made_up(copy):
    lost = "model.layers.1.mlp.router.bias"
    index = json.loads((copy / INDEX).read_text())
    shard = copy / index["weight_map"].pop(lost)
    (copy / INDEX).write_text(json.dumps(index))
    tensors = load_file(shard)
    del tensors[lost]
    save_file(tensors, shard, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"the checkpoint lacks model\.layers\.1\.mlp\.router\.bias"):
        load_model(settings(copy))


def test_tensors_of_another_shape_are_named(llama):
    folder, _ = llama()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 32}))
    with pytest.raises(ModelError, match=r"lacks model\.layers\.0\.mlp\.down_proj\.weight, .* and 6 more"):
        load_model(settings(folder))


def test_pickled_weights_are_refused(llama):
    folder, model = llama()
    for file in [*folder.glob("*.safetensors"), folder / INDEX]:
        file.unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"no \*\.safetensors there; pickled weights are not loaded because they can"):
        load_model(settings(folder))


@pytest.mark.parametrize("name", ["/no/such/folder", "./no/such", "../no/such", "~/no/such"])
def test_a_folder_that_is_not_there(name):
    with pytest.raises(ModelError, match="no such folder"):
        load_model(settings(name))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    ],
)
@pytest.mark.parametrize(("free", "said"), [(3 * 2**29, "1.5 GiB"), (None, "an unknown amount")])
def test_a_model_that_does_not_fit_is_no_fault_of_its_name(gpt_oss, monkeypatch, error, free, said):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", fail)
    monkeypatch.setattr("probatum.model.load.free_bytes", lambda *_: free)
    with pytest.raises(StageError, match=rf"weights take about \d+ MiB as float32, and {said} was free on cpu: "):
        load_model(settings(gpt_oss))


def test_another_runtime_error_is_about_the_model(gpt_oss, monkeypatch):
    def fail(*_, **__):
        raise NotImplementedError("sizes do not match")

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", fail)
    with pytest.raises(ModelError, match=r"cannot load the model .*sizes do not match"):
        load_model(settings(gpt_oss))


def test_a_folder_without_a_tokenizer(copy):
    for file in copy.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(ModelError, match=r"(?s)cannot load the model .*needs config\.json, tokenizer\.json"):
        load_tokenizer(settings(copy))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_clone_without_git_lfs_is_told_as_one(copy, name):
    (copy / name).write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(ModelError, match=rf"cannot load the model .*: {name}: Git LFS pointers, not the files; run"):
        load_model(settings(copy))


def test_a_model_that_cannot_be_reached_is_one_error_with_what_to_try(tmp_path):
    script = (
        "from probatum.model.load import load_model\n"
        "from probatum.errors import ModelError\n"
        "from probatum.study import Model\n"
        "try:\n    load_model(Model(name='nobody/nothing'))\n"
        "except ModelError as error:\n    print(error)\n"
    )
    env = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    first, second, *tries = done.stdout.splitlines()
    assert first.startswith("cannot load the model 'nobody/nothing': ")
    assert second == "Try:"
    assert tries[0] == "  - HF_HUB_OFFLINE=1 is set: unset it to let the hub be asked"
    for what in (
        "a local folder",
        "hf download nobody/nothing",
        "openai/gpt-oss-20b",
        "hf auth login",
        "{name: builtin}",
    ):
        assert any(what in line for line in tries)
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"model_type": "wonder"}', "cannot load the model .*`wonder`.*does not recognize this architecture"),
        ('{"model_type": "won', "cannot load the model .*not a valid JSON file"),
        ("{}", "cannot load the model .*Unrecognized model"),
        ('{"model_type": "qwen3_next"}', "qwen3_next: layers of kind linear_attention cannot share a prompt prefix"),
        ('{"model_type": "mamba"}', "mamba: layers of kind linear_attention cannot share a prompt prefix"),
        ('{"model_type": "llama4_text"}', "llama4_text: layers of kind chunked_attention cannot share a prompt prefix"),
    ],
)
def test_configs_that_cannot_be_used(tmp_path, text, message):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelError, match=message):
        load_config(settings(tmp_path))


def test_no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelError, match=r"model\.device: cuda, but PyTorch sees no GPU; try device: cpu"):
        load_model(settings("builtin", device="cuda"))


@pytest.fixture
def adapter(llama, tmp_path):
    """A folder with an adapter for the default tiny Llama, whose B is not zero."""
    _, model = llama("base")
    tuned = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj", "v_proj"]))
    for name, parameter in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    tuned.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def test_an_adapter_goes_in_and_out_again(llama, adapter):
    folder, _ = llama()
    base = load_model(settings(folder))
    before = logits(base.model)
    tuned = with_adapter(base, adapter)
    assert (tuned.name, tuned.tokenizer) == (base.name, base.tokenizer)
    assert not tuned.model.training
    assert (logits(tuned.model) - before).abs().max() > 1e-3
    assert torch.equal(logits(load_model(settings(folder), adapter).model), logits(tuned.model))
    assert torch.equal(logits(without_adapter(tuned).model), before)
    assert not any("lora" in name for name, _ in base.model.named_modules())


def test_a_model_without_an_adapter_has_none_to_take_out():
    bare = LoadedModel(torch.nn.Linear(1, 1), None, "x", False)
    assert without_adapter(bare).model is bare.model


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_folder_that_is_no_adapter(llama, adapter, name):
    (adapter / name).unlink()
    torch.save({}, adapter / "adapter_model.bin")  # pickled: never read
    folder, _ = llama()
    with pytest.raises(ModelError, match=f"adapter: no {name} there; train first"):
        load_model(settings(folder), adapter)


@pytest.mark.parametrize(
    ("sizes", "why"),
    [
        ({"hidden_size": 32}, "size mismatch"),
        ({"num_hidden_layers": 4}, r"it lacks .*layers\.3\.self_attn\.q_proj\.lora_A\.weight, .* and 1 more"),
        ({"num_hidden_layers": 2}, r"the model has no place for .*layers\.2\.self_attn"),
    ],
)
def test_an_adapter_of_another_model(llama, adapter, sizes, why):
    folder, _ = llama(**sizes)
    with pytest.raises(ModelError, match=f"(?s)adapter: this adapter does not fit .*{why}"):
        load_model(settings(folder), adapter)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("adapter_model.safetensors", b"short"),
        ("adapter_config.json", b"{"),
        ("adapter_config.json", b'{"peft_type": "LORA", "target_modules": ["c_attn"]}'),
    ],
)
def test_a_damaged_adapter(llama, adapter, name, content):
    (adapter / name).write_bytes(content)
    folder, _ = llama()
    with pytest.raises(ModelError, match="adapter: this adapter does not fit"):
        load_model(settings(folder), adapter)
