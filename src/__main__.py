"""`python -m aiwave`."""

import sys

from .cli import main

sys.exit(main())
