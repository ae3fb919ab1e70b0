"""What malloc() has given out: unlike the memory of the process, it does not tell of what lies free between that."""

import ctypes


class Information(ctypes.Structure):
    """`struct mallinfo2` of glibc."""

    _fields_ = [(name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks",
                                                     "uordblks", "fordblks", "keepcost")]


def in_use():
    """MiB of all threads, or None where it is not known: before glibc 2.33, and with another C library."""
    try:
        mallinfo = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return None
    mallinfo.restype = Information
    information = mallinfo()
    return (information.uordblks + information.hblkhd) / 2**20
