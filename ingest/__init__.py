"""Lands the logs of coding agents, and what they depend on, as rows of a warehouse: every line exactly once.

`warehouse` opens and writes it, `git`, `files` and `text` read what somebody else wrote, `set_aside` keeps the list of
sessions that are left out. Each kind of source has a folder. Files of lines all land
by one mechanism (`landing`), which `land` starts.
"""
