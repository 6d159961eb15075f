"""A program: DOT on standard input, the picture in the format it is told on standard output."""

import sys

if __name__ == "__main__":
    from pygraphviz import AGraph  # type: ignore[import-untyped]  # it has no types

    sys.stdout.buffer.write(AGraph(string=sys.stdin.buffer.read().decode()).draw(prog="dot", format=sys.argv[1]))
