"""`python -m treadle.checker` is the command `treadle`."""

from .cli import main

main()
