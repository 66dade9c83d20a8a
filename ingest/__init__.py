"""Lands the logs of coding agents, and what they depend on, as rows of a warehouse: every line exactly once.

`warehouse` opens and writes the warehouse; `git`, `files` and `text` read content written by others; `set_aside`
keeps the list of excluded sessions. Each kind of source has a folder. All line files land through one mechanism
(`landing`), which `land` starts.
"""
