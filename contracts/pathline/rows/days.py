"""When the date of a row is so old that somebody should look at it before it is sent. Pure.

The desk's page asks this: `make schemas` writes the number into its script. The command line does not ask.
"""

from __future__ import annotations

from typing import Final

OLD_DAYS: Final = 731
"""Two years, in days: what is older may be a day of birth, or the wrong century."""
