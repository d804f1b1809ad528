"""Runs a function on a hostile input within limits of time and memory, and classifies the outcome."""

import resource
import signal
import warnings

SECONDS, MEMORY = 20, 2 * 2**30
# The acceptable outcomes.
GOOD = ("refused", "read")


class _TooLong(BaseException):
    """Not an Exception, so that handlers for broken files do not catch it."""


def outcome_of(read, memory=MEMORY):
    """The outcome of a function on its input.

    Args:
        read: function without arguments.
        memory: bytes by which the peak memory of the process may grow.

    Returns:
        "refused" for a `GanzooError`, "read" for a result. Failures start with "failed", "hung" or "memory".
    """
    from ganzoo import GanzooError

    def too_long(number, frame):
        raise _TooLong

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    handler = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read()
        outcome = "read"
    except GanzooError as error:
        outcome = "refused" if "\n" not in str(error) else f"failed: an error of several lines: {str(error)[:300]}"
    except _TooLong:
        outcome = f"hung: more than {SECONDS} seconds"
    except Exception as error:
        outcome = f"failed: {type(error).__name__}: {str(error)[:300]}"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    if grown > memory:
        return f"memory: {grown / 2**20:.0f} MB more"
    return outcome


def report(campaign, outcomes):
    """Prints a line for a campaign and returns its failures.

    Args:
        campaign: its name.
        outcomes: list of (input's name, outcome).
    """
    counts = {}
    for _, outcome in outcomes:
        kind = outcome.split(":")[0]
        counts[kind] = counts.get(kind, 0) + 1
    print(f"{campaign}: {', '.join(f'{count} {kind}' for kind, count in sorted(counts.items()))}", flush=True)
    return [f"{campaign}, {name}: {outcome}" for name, outcome in outcomes if outcome not in GOOD]
