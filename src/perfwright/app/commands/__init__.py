"""The commands: each file here without a leading underscore is one."""
