"""Push an adapter to a hub, when asked to: the adapter and its card, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from probatum.data.records import read_written_posts
from probatum.errors import InputError, StageError
from probatum.manifest import RunFolder
from probatum.pipeline import Run

FILES = ("README.md", "adapter_config.json", "adapter_model.safetensors")
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
LOGIN = "log in with `hf auth login`, or set HF_TOKEN to a token that may write there"
UNREACHED = "the hub gave no answer: look to the network and HF_ENDPOINT, then push again"
SHORTEST_QUOTE = 16  # characters; a shorter post may be words that the card says anyway


def push(run: Run, to: str, *, private: bool, endpoint: str | None = None) -> str:
    """Upload a run's adapter with its model card.

    Only `FILES` leave this machine. The local path of the base model is replaced by its name, and nothing is sent if
    the card or the configuration quotes a post.

    Args:
        run: a finished run with a tuned system.
        to: `USER/REPO` on the hub; made if it is not there.
        private: whether a new repository is private.
        endpoint: another hub (default: huggingface.co, or HF_ENDPOINT).

    Returns:
        The address of the commit.

    Raises:
        InputError: the name is none, the run has no adapter, or there are no credentials.
        StageError: a post would be sent, or the hub refused.
    """
    if not REPOSITORY.fullmatch(to):
        raise InputError(f"--to {to}: not a repository; write USER/REPO")
    content = _content(run)
    _refuse_posts(content, run.folder)
    from huggingface_hub import CommitOperationAdd, HfApi, get_token

    if get_token() is None:
        raise InputError(f"{to}: nothing was sent, for there are no credentials; {LOGIN}")
    hub = HfApi(endpoint=endpoint)
    operations = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=data) for name, data in content.items()]
    try:
        hub.create_repo(to, private=private, exist_ok=True)
        commit = hub.create_commit(to, operations, commit_message=f"Adapter of {run.study.name}, by Probatum")
    except Exception as error:  # the hub's own errors, and those of whichever HTTP library it uses
        raise StageError(f"{to}: nothing was pushed ({type(error).__name__}: {error}); {_advice(error)}") from error
    return str(commit.commit_url)


def warning(run: Run) -> str | None:
    """Return what who pushes an adapter must know of its verdict; `None` where it was accepted."""
    if run.verdict is None or run.verdict.accepted:
        return None
    return (
        f"warning: the verdict on this adapter is {run.verdict.outcome}; its card says so, and that it is not for use"
    )


def _advice(error: Exception) -> str:
    """Return what to do: a hub that answered has refused, and one that did not was not reached."""
    return UNREACHED if getattr(error, "response", None) is None else LOGIN


def _content(run: Run) -> dict[str, bytes]:
    """Return what will be sent: file name to bytes."""
    missing = [name for name in FILES if not (run.folder.adapter / name).is_file()]
    if missing:
        raise InputError(f"{run.folder.adapter}: no {', '.join(missing)} there; only a run that trained can be pushed")
    content = {name: (run.folder.adapter / name).read_bytes() for name in FILES}
    config = json.loads(content["adapter_config.json"])
    base = config.get("base_model_name_or_path")
    if base and Path(base).is_absolute():
        config["base_model_name_or_path"] = run.study.card.base_model or Path(base).name
        content["adapter_config.json"] = json.dumps(config, indent=2, sort_keys=True).encode()
    return content


def _refuse_posts(content: dict[str, bytes], folder: RunFolder) -> None:
    texts = [content[name].decode("utf-8") for name in FILES if not name.endswith(".safetensors")]
    quoted = next((post.id for post in _posts(folder) if any(post.text in text for text in texts)), None)
    if quoted is not None:
        raise StageError(
            f"the text of post {quoted!r} stands in the model card; nothing was sent. Take it out of the study's card "
            "section, and run the study again"
        )


def _posts(folder: RunFolder) -> Iterable:
    for side in ("train", "validation", "test"):
        yield from (post for post in read_written_posts(folder.posts(side)) if len(post.text) >= SHORTEST_QUOTE)
