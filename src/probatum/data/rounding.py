"""Round a table of proportions to whole numbers without changing what its rows and columns add up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

Stratum = tuple[str, ...]
Cells = dict[Stratum, dict[str, int]]


def round_table(counts: Mapping[Stratum, int], sizes: Mapping[str, int], order: Sequence[Stratum]) -> Cells:
    r"""Divide every stratum among the sides, each cell $n_{rs}$ within one of $n_r m_s / n$.

    Args:
        counts: stratum to its number of posts $n_r$.
        sizes: side to its number of posts $m_s$; together as many as the strata hold.
        order: the strata in the order in which they are rounded; it decides among equally good tables.

    Returns:
        Stratum and side to a number of posts. Rows add up to `counts`, columns to `sizes`: such a table always exists,
        because the proportions themselves are a fractional flow and all capacities are whole.
    """
    rounding = _Rounding(counts, sizes, order)
    for row in order:
        for _ in range(counts[row] - sum(rounding.cells[row].values())):
            rounding.raise_one(row, set())
    return rounding.cells


class _Rounding:
    """Cells rounded down, of which some are then raised by one: at most once, and only where there is a fraction."""

    def __init__(self, counts: Mapping[Stratum, int], sizes: Mapping[str, int], order: Sequence[Stratum]) -> None:
        total = max(sum(counts.values()), 1)
        exact = {row: {side: Fraction(counts[row] * size, total) for side, size in sizes.items()} for row in order}
        self.fractions = {row: {side: value % 1 for side, value in cells.items()} for row, cells in exact.items()}
        self.cells: Cells = {row: {side: int(value) for side, value in cells.items()} for row, cells in exact.items()}
        self.raised: dict[str, set[Stratum]] = {side: set() for side in sizes}
        self.missing = {side: size - sum(self.cells[row][side] for row in order) for side, size in sizes.items()}

    def raise_one(self, row: Stratum, seen: set[str]) -> bool:
        """Raise one more cell of a row, moving other rows' raises out of the way (an augmenting path)."""
        wanted = self.fractions[row]
        for side in sorted(wanted, key=lambda side: (self.missing[side] <= 0, -wanted[side])):
            if side in seen or row in self.raised[side] or not wanted[side]:
                continue
            seen.add(side)
            if self.missing[side] > 0:
                self.missing[side] -= 1
            elif not self._free_place(side, seen):
                continue
            self.raised[side].add(row)
            self.cells[row][side] += 1
            return True
        return False

    def _free_place(self, side: str, seen: set[str]) -> bool:
        other = next((row for row in sorted(self.raised[side]) if self.raise_one(row, seen)), None)
        if other is None:
            return False
        self.raised[side].discard(other)
        self.cells[other][side] -= 1
        return True
