"""What all tests share: settings of their own, so that no test touches the user's chain or files."""

import os

for name in [name for name in os.environ if name.startswith("YUANLIU_")]:
    del os.environ[name]
