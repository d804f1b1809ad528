"""Fault injection: hostile and damaged inputs, and killed processes. `__main__.py` describes the campaigns.

A campaign is a function of (working folder, count, seed) that returns a list of failures.
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
