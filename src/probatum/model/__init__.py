"""Loading a model, packing posts into its batches, and the MXFP4 experts."""
