"""What a benchmark says of the machine that it ran on."""

import platform
import re
from pathlib import Path


def processor() -> str:
    """Return what the processor calls itself, where the system tells."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", info.read_text()) if info.is_file() else []
    return names[0] if names else platform.machine()
