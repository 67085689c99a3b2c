"""The processes that share one run, each with its GPU: how they start, stand together, split weights and end as one."""
