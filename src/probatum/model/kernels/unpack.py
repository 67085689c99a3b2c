"""From packed MXFP4 to bfloat16, four values at a time.

A 16-bit word holds four e2m1 values, `s e e m` each, the first in the lowest bits. Moved to bit 15 and to bits 8 to 6
of a bfloat16, sign and the three bits below it read as the value times 2^-126, subnormal 0.5 included; a product with
2^126 and one with the block's power of two, each rounded once, give the weight bit for bit.
"""

from __future__ import annotations

import triton
import triton.language as tl

BLOCK_WORDS = 8  # words that share one scale: 32 values
PLANES = 4  # values in a word

# 2^126 in both halves, -0.0 in both halves; fma with -0.0 is a product, and sm80 has no other for two bfloat16 at once.
_ASM = """
{
.reg .b32 a, b, k, z;
mov.b32 k, 0x7E807E80;
mov.b32 z, 0x80008000;
shl.b32 a, $4, 12;  and.b32 a, a, 0x80008000;  shl.b32 b, $4, 6;  and.b32 b, b, 0x01C001C0;  or.b32 a, a, b;
fma.rn.bf16x2 a, a, k, z;  fma.rn.bf16x2 $0, a, $5, z;
shl.b32 a, $4, 8;  and.b32 a, a, 0x80008000;  shl.b32 b, $4, 2;  and.b32 b, b, 0x01C001C0;  or.b32 a, a, b;
fma.rn.bf16x2 a, a, k, z;  fma.rn.bf16x2 $1, a, $5, z;
shl.b32 a, $4, 4;  and.b32 a, a, 0x80008000;  shr.b32 b, $4, 2;  and.b32 b, b, 0x01C001C0;  or.b32 a, a, b;
fma.rn.bf16x2 a, a, k, z;  fma.rn.bf16x2 $2, a, $5, z;
and.b32 a, $4, 0x80008000;  shr.b32 b, $4, 6;  and.b32 b, b, 0x01C001C0;  or.b32 a, a, b;
fma.rn.bf16x2 a, a, k, z;  fma.rn.bf16x2 $3, a, $5, z;
}
"""
UNPACK_ASM = tl.constexpr(_ASM.replace("\n", " "))
TWO_TO_126 = tl.constexpr(2.0**126)


@triton.jit
def scale_of(byte: tl.tensor, PACKED: tl.constexpr) -> tl.tensor:
    """Return 2^(byte - 127), the subnormal 2^-127 for byte 0: in bfloat16 if `PACKED`, else in float32."""
    if PACKED:
        bits = byte.to(tl.int16)
        return tl.where(bits == 0, 0x0040, bits << 7).to(tl.int16).to(tl.bfloat16, bitcast=True)
    else:  # noqa: RET505  # a kernel may return from one branch of two, not from before the end
        wide = byte.to(tl.int32)
        return tl.where(wide == 0, 0x00400000, wide << 23).to(tl.float32, bitcast=True)


@triton.jit
def _plane(word: tl.tensor, scale: tl.tensor, index: tl.constexpr) -> tl.tensor:
    """Return value `index` of each word in float32 arithmetic."""
    sign, magnitude = (word >> (3 + 4 * index)) & 1, (word >> (4 * index)) & 7
    value = ((sign << 31) | (magnitude << 22)).to(tl.float32, bitcast=True) * TWO_TO_126
    return (value * scale).to(tl.bfloat16)


@triton.jit
def unpack(words: tl.tensor, scales: tl.tensor, PACKED: tl.constexpr) -> tl.tensor:
    """Return the four values of each int16 word, times its scale, as four bfloat16 tensors of the words' shape.

    `PACKED` computes two values an instruction; without it the same arithmetic is done in float32, which Triton's
    interpreter can run.
    """
    if PACKED:
        return tl.inline_asm_elementwise(
            UNPACK_ASM,
            "=r,=r,=r,=r,r,r",
            [words, scales],
            dtype=(tl.bfloat16, tl.bfloat16, tl.bfloat16, tl.bfloat16),
            is_pure=True,
            pack=2,
        )
    else:  # noqa: RET505
        word = words.to(tl.int32) & 0xFFFF
        return _plane(word, scales, 0), _plane(word, scales, 1), _plane(word, scales, 2), _plane(word, scales, 3)
