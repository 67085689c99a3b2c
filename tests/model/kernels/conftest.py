"""Kernels run in Triton's interpreter here; it is chosen when triton is first imported, so in a process of its own."""
