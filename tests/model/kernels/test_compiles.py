"""Every kernel compiles for sm80 and sm90, without a GPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton", reason="triton is not installed (pip install triton)")

# In a process of its own: in this one the kernels are made for the interpreter.
NUM_KERNELS = 29
PROGRAM = """
import sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from probatum.model.kernels import attention, dequantise, experts, grouped, pointwise, rows

ARCH = int(sys.argv[1])
SHAPES = {"E": 128, "EXPERTS": 128, "O": 5760, "P": 720, "WIDTH": 2880, "CHOSEN": 4, "COLUMNS": 1024, "CHUNK": 1024}
POINTERS = {
    "words_ptr": "*i16", "scales_ptr": "*u8", "ends_ptr": "*i32", "order_ptr": "*i32", "place_ptr": "*i32",
    "expert_ptr": "*i32", "choice_ptr": "*i64", "grad_weight_ptr": "*fp32", "limit": "fp32", "alpha": "fp32",
    "num_rows": "i32", "num_blocks": "i32", "map_ptr": "*i32", "lse_ptr": "*fp32", "delta_ptr": "*fp32",
    "dk_ptr": "*fp32", "dv_ptr": "*fp32", "T": "i32", "scale": "fp32",
    "scale_ptr": "*fp32", "eps": "fp32", "sign": "fp32", "x_head": "i32", "x_token": "i32", "cos_token": "i32",
    "cos_pair": "i32",
    **{f"{name}_{axis}": "i32" for name in ("q", "k", "v", "out") for axis in ("head", "row")},
}


def build(kernel, options, **constants):
    constants = {name: (SHAPES | constants)[name] for name in kernel.arg_names if name in SHAPES | constants}
    signature = {name: POINTERS.get(name, "*bf16") for name in kernel.arg_names}
    signature |= dict.fromkeys(constants, "constexpr")
    aligned = {(i,): [["tt.divisibility", 16]] for i, n in enumerate(kernel.arg_names) if signature[n].startswith("*")}
    source = ASTSource(kernel, signature, {(kernel.arg_names.index(n),): v for n, v in constants.items()}, aligned)
    made = triton.compile(source, target=GPUTarget("cuda", ARCH, 32), options=options)
    assert made.metadata.shared <= (163 if ARCH == 80 else 227) * 1024, (kernel, made.metadata.shared)
    print(kernel.__name__, len(made.asm["cubin"]))


build(dequantise._dequantise, {}, TILE=128, WORDS=8, PACKED=True)
for kernel, tiles in ((grouped._forward, experts.FORWARD_TILES), (grouped._backward, experts.BACKWARD_TILES)):
    for _, tile in tiles:
        cut = grouped.constants(tile)
        build(kernel, {"num_warps": tile.warps, "num_stages": tile.stages}, PACKED=True, **cut)
for kernel in (attention._forward, attention._backward_queries, attention._backward_keys):
    tile = attention.FORWARD_ROWS if kernel is attention._forward else attention.BACKWARD_ROWS
    for dim, shared in ((64, 8), (128, 4)):
        build(kernel, {}, G=shared, PACK=shared, D=dim, DIM=dim, SINKS=True, WIDE=False, M=tile, N=attention.KEYS)
for kernel in (pointwise._norm, pointwise._norm_backward):
    build(kernel, {"num_warps": 8}, H=2880, BLOCK=4096)
build(pointwise._rotate, {}, N=64, HALF=32, BLOCK=32, TOKENS=pointwise.TOKENS)
for kernel in vars(rows).values():
    if isinstance(kernel, triton.JITFunction) and kernel.__name__ not in ("_place", "_gate_and_up"):
        for planes in (True, False):
            build(kernel, {}, PLANES=planes)
"""


@pytest.mark.parametrize("arch", [80, 90])
def test_every_kernel_compiles(arch, tmp_path):
    source = str(Path(__file__).parents[3] / "src")
    environment = os.environ | {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": source}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(arch)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(done.stdout.splitlines()) == NUM_KERNELS
