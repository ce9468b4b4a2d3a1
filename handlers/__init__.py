"""Entry points: Lambda's shapes in, Lambda's shapes out, and no decisions; `worker` is the one outside Lambda."""
