"""The formats of profiles: each file reads one."""
