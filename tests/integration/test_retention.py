"""Sessions that are older than the policy keeps leave raw; what they cost stays, and nothing comes back or counts twice."""

from __future__ import annotations
