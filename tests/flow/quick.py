"""The demo's study without all that a test does not ask for."""

import yaml
from tests.flow.test_study import small_study


def quick_study(folder, **training):
    """A tenth of the demo's posts, four steps, no swapped posts and no noise floor."""
    path = small_study(folder, max_steps=4, **training)
    study = yaml.safe_load(path.read_text())
    study |= {"swaps": {"most": 0}, "scoring": {"noise_floor": False}}
    path.write_text(yaml.safe_dump(study))
    return path
