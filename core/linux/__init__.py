"""The few Linux system calls that Python's ``os`` lacks: mounts, namespaces, safe path lookup.

Importable everywhere; each function raises ``OSError`` with ENOSYS where the kernel is not Linux.
"""
