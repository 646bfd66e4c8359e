"""Queries over the live generation: similar products, free-text search, recommendations and browsing.

`queries` tells how a query becomes hits, and takes the steps from the other modules. `query_reading` reads a search
text by the `vocabulary`, `spelling` and `price_words`. `query_encoder` makes vectors. `live_model` lends a model and
its index. `candidates` makes hits. `merchandising`, `facets` and `explanations` add to them. `suggestions` and
`embedding_map` answer by themselves.
"""
