"""Ends the workers' process groups when the launching process is gone, however it went.

Run as a script, by itself, with nothing imported but what every interpreter has. It reads lines
from standard input: `+123` watches process group 123, `-123` forgets it. The end of the input means
that the launcher has ended; what is still watched is killed, with all of its children.
"""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    main()
