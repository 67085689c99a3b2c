"""Whole studies on small models that lie in local folders as the hub has them: shards, index, config, tokenizer."""

import json
import shutil

import pytest
import torch
import yaml
from tests.checkpoints import LLAMA, PHIMOE, write_gpt_oss, write_published
from tests.commands import run
from tests.conftest import shared_data_folder
from tests.tiny_tokenizers import fast, llama_bpe, phi_bpe

from probatum.data.records import read_predictions, read_written_posts
from probatum.demo import write_demo
from probatum.manifest import RunFolder
from probatum.model.checkpoint import INDEX
from probatum.model.load import load_model
from probatum.scoring.likelihood import score_alone
from probatum.stages import Bench
from probatum.study import Study

pytestmark = pytest.mark.flow
PHI_TEMPLATE = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)


def gpt_oss(folder):
    tokenizer = shared_data_folder() / "gpt-oss-tokenizer"
    if not tokenizer.is_dir():
        pytest.skip(f"the real tokenizer is not at {tokenizer}")
    write_gpt_oss(folder, vocab_size=201_088, sliding_window=128, max_position_embeddings=131_072)
    for file in tokenizer.iterdir():
        shutil.copy(file, folder)
    return 3


def phi(folder):
    write_published(folder, PHIMOE)
    fast(phi_bpe(), chat_template=PHI_TEMPLATE).save_pretrained(folder)
    return 3


def llama(folder):
    write_published(folder, LLAMA)
    fast(llama_bpe(), bos=True).save_pretrained(folder)
    return 2


@pytest.mark.parametrize("write", [gpt_oss, phi, llama])
def test_a_study_on_a_downloaded_folder(write, tmp_path):
    at_least = write(tmp_path / "model")
    index = json.loads((tmp_path / "model" / INDEX).read_text())
    assert len(set(index["weight_map"].values())) >= at_least
    path = write_demo(tmp_path)
    study = yaml.safe_load(path.read_text()) | {"model": {"name": "model", "device": "cpu"}}
    study["training"] |= {"max_steps": 4, "eval_steps": 2, "warmup_steps": 1, "batch_size": 8, "micro_batch_size": 4}
    study["verdict"]["criteria"] += [{"metric": "retention_nll", "rise_over": "baseline", "at_most": 0.02}]
    path.write_text(yaml.safe_dump(study))

    assert run("doctor", path).code == 0
    assert run("run", path, "--limit", 12, "--out", tmp_path / "run").code in (1, 3)  # a first try is never accepted

    place = RunFolder(tmp_path / "run")
    stages = json.loads(place.manifest.read_text())["stages"]
    facts = stages["training"]["facts"]
    assert facts["predicted_peak_bytes"] >= stages["baseline"]["facts"]["predicted_peak_bytes"] > 0
    assert (facts["steps"], facts["completed"]) == (4, True)
    assert facts["best_loss"] < facts["start_loss"]
    held_against_posts_alone(Study.load(place.study), place)


def held_against_posts_alone(study, run):
    """The tuned scores of the run are those of each post alone in the model, loaded anew with its adapter."""
    bench, posts = Bench(study, run), read_written_posts(run.posts("test"))[:3]
    with torch.no_grad():
        tuned = load_model(study.model, run.adapter)
        alone = score_alone(tuned, bench.renderer, posts, study.scoring, lambda _: None).predictions
    packed = read_predictions(run.predictions("tuned"))[:3]
    assert [row.score for row in packed] == pytest.approx([row.score for row in alone], rel=1e-4)
