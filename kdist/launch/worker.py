"""The worker process of the local launcher: `python -m kdist.launch.worker PAYLOAD`.

The payload is a file with the pickled task; the outcome goes back through the pipe whose number is
KDIST_RESULT_FD, as eight bytes of length and a pickled `Outcome`.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import sys
import time
from pathlib import Path

from kdist.launch.bootstrap import Outcome, execute

_PR_SET_PDEATHSIG = 1
# A failed worker stays until the launcher ends it: were it to leave, its peers would see a dead
# peer, and their deaths would look like the cause.
_STAY_S = 60.0


def main() -> None:
    die_with(int(os.environ.pop("KDIST_PARENT_PID")))
    channel = int(os.environ.pop("KDIST_RESULT_FD"))
    os.set_inheritable(channel, False)

    def report(outcome: Outcome) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        data = pickle.dumps(outcome)
        with os.fdopen(channel, "wb") as pipe:
            pipe.write(len(data).to_bytes(8, "big") + data)

    task = pickle.loads(Path(sys.argv[1]).read_bytes())
    sys.argv = sys.argv[:1]
    if not execute(task, report).ok:
        time.sleep(_STAY_S)
        os._exit(1)


def die_with(parent: int) -> None:
    """Asks the kernel to end this process when its parent ends (Linux; elsewhere does nothing)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    main()
