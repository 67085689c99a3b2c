"""Experts that stay in the published MXFP4 bytes, with a gradient for their input."""
