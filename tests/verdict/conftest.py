"""What the tests of the verdict share."""

import pytest

from probatum.verdict.evidence import TrainingSummary


@pytest.fixture
def good_training():
    return TrainingSummary(
        completed=True, planned_steps=100, steps=100, start_loss=1.2, best_loss=0.8, best_step=80, final_loss=0.8,
        retention_nll_baseline=3.0, retention_nll_tuned=3.01,
    )  # fmt: skip
