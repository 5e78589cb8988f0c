"""Becomes another program that dies with its parent: a script, run as `python -I -S child_exec.py …`.

    child_exec.py PARENT SIGNAL UID GID PROGRAM [ARGUMENT …]        UID and GID are "-" to stay who we are

Why not `preexec_fn`: it runs Python between fork and exec of a process with threads, which may deadlock. Why here and
not in the child itself: the kernel forgets PR_SET_PDEATHSIG when the user changes. So it must be set after that.

The "parent" is the *thread* that started us. `children.start` is therefore called from the event loop's own thread.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: str, on_orphaned: str, uid: str, gid: str, *argv: str) -> None:
    # A shell that starts us in the background ignores SIGINT and SIGQUIT for us: our child must hear both.
    for signal_number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(signal_number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.umask(0o077)
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(on_orphaned), 0, 0, 0)
        if os.getppid() != int(parent):  # it died before the line above
            sys.exit(1)
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main(*sys.argv[1:])
