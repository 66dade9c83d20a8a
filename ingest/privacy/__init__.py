"""Privacy: removes content from lines and files before anything of them is written."""
