"""Work that may hang, grow or crash: in processes that can be killed, in bounded threads, over frames."""
