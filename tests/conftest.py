"""What every test may rely on: no settings of the developer's own shell, and examples that may take their time."""

from __future__ import annotations

import os

from hypothesis import settings

for name in [name for name in os.environ if name.startswith("NUVOM_")]:
    del os.environ[name]

# A deadline measures the machine, not the code; a failure prints what is needed to repeat it.
settings.register_profile("nuvom", settings.get_profile("default"), deadline=None, print_blob=True)
settings.load_profile("nuvom")
