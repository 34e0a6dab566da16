"""The task that every framework is given, and the two functions that it has for it."""

from pathlib import Path

TASK = "Read one.txt and two.txt, and write both into three.txt"


def read_file(path: str) -> str:
    """Read a file.

    Args:
        path: Where the file is.
    """
    return Path(path).read_text()


def write_file(path: str, content: str) -> str:
    """Write a file.

    Args:
        path: Where the file is.
        content: What to write.
    """
    Path(path).write_text(content)
    return "written"
