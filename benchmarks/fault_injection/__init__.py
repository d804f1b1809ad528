"""Fault injection: hostile and damaged inputs, and processes that are killed; `__main__.py` says which.

A campaign is a function of (folder to work in, count, seed) that returns a list of what went wrong.
"""

from .damaged_files import KINDS, files
from .hostile_requests import page
from .processes import can_mount, full, kills, readonly, together
from .run_folders import archives, torn_runs
from .size_bombs import bombs
from .tampered_models import tampered

CAMPAIGNS = {
    campaign.__name__: campaign
    for campaign in (kills, files, bombs, tampered, torn_runs, archives, page, full, together, readonly)
}

__all__ = ["CAMPAIGNS", "KINDS", "can_mount", *CAMPAIGNS]
