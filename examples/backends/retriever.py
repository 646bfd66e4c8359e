"""The recommender as a retriever of LangChain: for a chain that answers with the shop's own products."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever


class ShopRetriever(BaseRetriever):
    """Searches the shop; `shop` is a `Recommender`, or a `Client` of the service."""

    shop: Any
    k: int = 5

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        del run_manager
        hits = self.shop.search(query, self.k)
        return [Document(hit.title, metadata={"sku": hit.sku, "url": hit.url, "score": hit.score}) for hit in hits]
