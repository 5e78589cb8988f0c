"""`python -m pathline.cli` is `pathline`."""

from pathline.cli import main

main()
