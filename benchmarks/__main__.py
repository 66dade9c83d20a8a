"""`make bench`: every benchmark there is, one after the other."""

from benchmarks.landing import main as landing

landing()
