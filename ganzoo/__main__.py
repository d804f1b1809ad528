"""`python -m ganzoo`: the command line."""

from ganzoo.cli import main

main(prog_name="ganzoo")
