"""Rows of several padded lengths in one training, as tests on the CPU and on a GPU hold them."""

from probatum.model.buffers import padded_length
from probatum.training.examples import supervised

IN_TURN = (0, 1, 0, 0, 1, 1, 0)


def check_mixed_lengths(make_step, parameters, rows, off):
    """Rows of two padded lengths, in turn, have the loss and the gradients that each has in a step of its own.

    Args:
        make_step: makes a step for rows of at most so many kept positions.
        parameters: those that train.
        rows: two packed rows.
        off: the largest relative distance of a gradient.
    """
    assert len({padded_length(len(row.input_ids_T)) for row in rows}) == 2
    most = max(len(row.keep_K) for row in rows)

    def taken(step, row):
        for parameter in parameters:
            parameter.grad = None
        loss = step(row, supervised(row), len(row.target_id_N)).item()
        return loss, [parameter.grad.float().clone() for parameter in parameters]

    alone = [taken(make_step(most), row) for row in rows]
    assert alone[0][0] != alone[1][0]
    mixed = make_step(most)
    for index in IN_TURN:
        loss, gradients = taken(mixed, rows[index])
        assert abs(loss - alone[index][0]) < 1e-4 * abs(loss)
        for ours, theirs in zip(gradients, alone[index][1], strict=True):
            assert (ours - theirs).norm() <= off * theirs.norm()
    return mixed
