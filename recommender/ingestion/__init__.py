"""From the outbox into the index: the worker that applies changes, and the backfill of a new generation.

`worker` drains the outbox; `loop` makes it do so again and again. It claims changes (`leases`), and a `pipeline` reads,
encodes and writes them in batches: `change_plan` says what each point needs, `encoding` makes vectors, `point_writer`
writes points into `targets`. `backfill` fills a generation, and `verification` compares index and catalogue.
"""
