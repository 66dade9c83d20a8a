"""Privacy: what is left out of lines and files before anything of them is written."""
