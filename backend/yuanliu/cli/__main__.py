"""`python -m yuanliu.cli`: the command, without its name on the path."""

from yuanliu.cli import main

main()
