"""The memory of a process."""

import re
import resource
from pathlib import Path


def peak():
    """The peak memory of this process in MB.

    Read from /proc on Linux, because getrusage also counts the memory of the parent process.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
