"""The output formats: each file here without a leading underscore is one."""
