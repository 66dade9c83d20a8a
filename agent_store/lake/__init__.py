"""Many hosts, one lake: each host shares the rows of its sessions, and the union becomes a store of its own."""
