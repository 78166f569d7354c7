"""``python -m wisblock_bridge``."""

from __future__ import annotations

import sys

from wisblock_bridge.cli import main

sys.exit(main())
