"""Several processes that share a run, each with one GPU: the leader runs the stages, the followers do their part.

Every process holds the whole model. Scoring deals out the posts; training deals out the posts of each forward pass and
sums the adapter's gradients once an optimiser step, so that the adapter is the same in every process.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from probatum.crew.lifeline import ORPHANED, FollowerLine, LeaderLine, Member, printed_by
from probatum.errors import CrewError, InputError, ProbatumError, TrainingError

TIMEOUT = timedelta(minutes=30)  # for what hangs; a death is told by the lifeline. Loading may differ by minutes.
LEAVE_S = 20.0
END = ["end"]
TOLD_BY_LAUNCHER = (
    "RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK", "GROUP_WORLD_SIZE", "ROLE_RANK", "ROLE_NAME",
    "ROLE_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT",
)  # fmt: skip
T = TypeVar("T")


@dataclass(frozen=True)
class Crew:
    """The processes that share a run; by default this one alone.

    Attributes:
        rank: this process; 0 is the leader.
        size: processes.
        gpus: the name of each one's GPU; empty for one process alone, or on a CPU.
        line: the sockets between leader and followers.
    """

    rank: int = 0
    size: int = 1
    gpus: tuple[str, ...] = ()
    line: LeaderLine | FollowerLine | None = field(default=None, compare=False)

    @property
    def leads(self) -> bool:
        """Whether this process is the one that runs the stages, writes and prints."""
        return self.rank == 0

    def order(self, *order: Any) -> None:
        """Have the followers do something; of no effect for one process alone.

        Args:
            order: what JSON can carry.
        """
        if isinstance(self.line, LeaderLine):
            self.line.order(list(order))

    def orders(self) -> Iterator[list[Any]]:
        """Yield the leader's orders until the run is over."""
        assert isinstance(self.line, FollowerLine)
        while (order := self.line.next_order()) != END:
            yield order

    def deal(self, weights: Sequence[int]) -> list[list[int]]:
        """Deal indices out to all processes, each about the same weight and at most `ceil(n / size)` of them.

        The heaviest left goes to whoever has least. Shares are in ascending order; with fewer indices than processes
        some are empty.

        Args:
            weights: of each index, such as its tokens.
        """
        most = -(-len(weights) // self.size)
        shares: list[list[int]] = [[] for _ in range(self.size)]
        loads = [0] * self.size
        for index in sorted(range(len(weights)), key=lambda index: -weights[index]):
            open_ranks = [rank for rank in range(self.size) if len(shares[rank]) < most]
            rank = min(open_ranks, key=lambda rank: (loads[rank], len(shares[rank])))
            shares[rank].append(index)
            loads[rank] += weights[index]
        return [sorted(share) for share in shares]

    def sum_(self, tensor: Tensor) -> Tensor:
        """Replace a tensor, in every process, by its sum over all processes; every process gets the same bits."""
        if self.size > 1:
            with self._explained():
                dist.all_reduce(tensor)
        return tensor

    def gather(self, value: T) -> list[T]:
        """Return every process's value, by rank, in every process."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        with self._explained():
            dist.all_gather_object(values, value)
        return values

    def least(self, value: int | None) -> int | None:
        """Return, in every process, the least of the values of all; `None` where no process knows one."""
        return min((known for known in self.gather(value) if known is not None), default=None)

    def from_leader(self, make: Callable[[], T]) -> T:
        """Let the leader alone make a value, and return it in every process."""
        if self.size == 1:
            return make()
        values = [make() if self.leads else None]
        with self._explained():
            dist.broadcast_object_list(values, src=0)
        return values[0]  # type: ignore[return-value]

    def check_same(self, parameters: Sequence[Tensor]) -> None:
        """Check that float32 parameters have the same bits in every process.

        Raises:
            TrainingError: they differ.
        """
        if self.size == 1:
            return
        sums = torch.stack([parameter.detach().view(torch.int32).sum(dtype=torch.int64) for parameter in parameters])
        if len({tuple(one) for one in self.gather(sums.tolist())}) > 1:
            raise TrainingError("the processes' adapters differ, so what they train is not one model; report this")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn a collective that fails because a process is gone into the error of that process."""
        try:
            yield
        except RuntimeError as error:
            if isinstance(error, ProbatumError) or isinstance(self.line, FollowerLine):
                raise  # told already; a follower's leader knows better, and ends it
            assert self.line is not None
            if loss := self.line.loss_behind(error):
                raise loss from error
            raise CrewError(f"the processes lost touch: {error}", self.line.command) from error


ALONE = Crew()


@contextlib.contextmanager
def joined(device: str, gpus: int | None) -> Iterator[Crew]:
    """Join the processes that were started together; the process groups and sockets are closed at the end.

    Args:
        device: the study's `model.device`.
        gpus: what `--gpus` asked for.

    Raises:
        InputError: there are fewer GPUs than processes, or the processes are on several machines.
        CrewError: a follower failed.
    """
    crew = _join(device, gpus)
    try:
        yield crew
    except BaseException as error:
        if isinstance(crew.line, FollowerLine):
            said = str(error) if isinstance(error, ProbatumError) else f"{type(error).__name__}: {error}"
            crew.line.tell(said, getattr(error, "exit_code", ProbatumError.exit_code))
        elif crew.line is not None:
            loss = crew.line.loss_behind(error)
            crew.line.close()
            shutil.rmtree(crew.line.folder, ignore_errors=True)
            if loss is not None:
                raise loss from error
        raise
    _leave(crew)


def _leave(crew: Crew) -> None:
    """End in order: the followers are told, everyone closes the process group, the leader is the last to go."""
    if isinstance(crew.line, LeaderLine):
        crew.line.close()
        crew.order(*END)
    dist.destroy_process_group()
    if isinstance(crew.line, LeaderLine):
        crew.line.wait_for_followers(LEAVE_S)
        shutil.rmtree(crew.line.folder, ignore_errors=True)


def _join(device: str, gpus: int | None) -> Crew:
    rank, size, local = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    if int(os.environ.get("LOCAL_WORLD_SIZE", size)) != size:
        raise InputError("the processes are on several machines; a run shares one machine's GPUs (one torchrun node)")
    if gpus not in (None, size):
        raise InputError(f"--gpus {gpus}, but the launcher started {size} processes; leave --gpus out under torchrun")
    command = _command(size)
    number = "" if device == "cpu" else see_one_gpu(local)
    name = torch.cuda.get_device_name(0) if device != "cpu" and torch.cuda.is_available() else ""
    store, _, _ = next(dist.rendezvous("env://", rank=rank, world_size=size, timeout=TIMEOUT))
    store.set(f"member{rank}", f"{os.getpid()}\n{number}\n{name}")
    members = [_member(other, store.get(f"member{other}").decode()) for other in range(size)]
    on_gpus = check_gpus(sum(bool(member.gpu) for member in members), size, device, gpus)
    line = _connect(store, members, rank, command)
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if on_gpus else "gloo", store=store, rank=rank, world_size=size, timeout=TIMEOUT
    )
    for name in [*TOLD_BY_LAUNCHER, *(name for name in os.environ if name.startswith("TORCHELASTIC_"))]:
        os.environ.pop(name, None)  # or accelerate and the trainer would begin to share the work on their own
    return Crew(rank, size, tuple(member.gpu for member in members if member.gpu), line)


def _command(size: int) -> str:
    arguments = shlex.join(sys.argv[1:])
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return f"torchrun --nproc-per-node {size} -m probatum {arguments}"
    return f"probatum {arguments}"


def see_one_gpu(local_rank: int) -> str:
    """Let this process see its own GPU alone, of those that CUDA_VISIBLE_DEVICES names; call it before CUDA is used.

    Returns:
        The GPU, as CUDA_VISIBLE_DEVICES names it.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = None if visible is None else [name.strip() for name in visible.split(",")]
    own = str(local_rank) if names is None else names[local_rank] if local_rank < len(names) else ""
    os.environ["CUDA_VISIBLE_DEVICES"] = own
    return own


def _member(rank: int, told: str) -> Member:
    pid, number, name = told.split("\n")
    return Member(rank, name, number, int(pid))


def check_gpus(found: int, size: int, device: str, gpus: int | None) -> bool:
    """Return whether a crew works on GPUs, one each; on CPUs it does where the study says so or there is no GPU.

    Args:
        found: processes that see a GPU of their own.
        size: processes.
        device: the study's `model.device`.
        gpus: what `--gpus` asked for.

    Raises:
        InputError: GPUs are asked for and there are too few.
    """
    if found == size and device != "cpu":
        return True
    if gpus is None and (device == "cpu" or (device == "auto" and not found)):
        return False
    asked = f"--gpus {gpus}" if gpus else f"{size} processes"
    if device == "cpu":
        raise InputError(f"{asked}, but the study says model.device: cpu; leave --gpus out, or say device: auto")
    there = "sees no GPU" if not found else f"sees {found} GPU{'s' * (found > 1)}"
    raise InputError(f"{asked}, but PyTorch {there} here; look with `probatum doctor`, and at CUDA_VISIBLE_DEVICES")


def _connect(store: Any, members: list[Member], rank: int, command: str) -> LeaderLine | FollowerLine:
    if rank == 0:
        folder = Path(tempfile.mkdtemp(prefix="probatum-"))
        leader = LeaderLine(folder, members, command)
        store.set("folder", str(folder))
        leader.connect()
        return leader
    folder = Path(store.get("folder").decode())
    follower = FollowerLine(folder, rank, lambda: os._exit(ORPHANED))
    with printed_by(folder, rank).open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    return follower
