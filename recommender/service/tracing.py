"""Traces of requests for OpenTelemetry, with the extra `tracing`: off unless the setting `tracing` says otherwise.

OpenTelemetry's own variables, such as OTEL_EXPORTER_OTLP_ENDPOINT, say where they are sent.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from recommender.errors import MissingExtra
from recommender.version import __version__

if TYPE_CHECKING:
    from fastapi import FastAPI
    from opentelemetry.sdk.trace import TracerProvider

    from recommender.serving.query_encoder import Observe

UNTRACED = "/livez$,/readyz$,/metrics$,/explorer/,/docs"
"""Addresses that are requested all the time, and whose traces are of no use."""


def open_tracing() -> TracerProvider:
    """Return the provider that sends spans by OTLP. Raises `MissingExtra`."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise MissingExtra("tracing", "OpenTelemetry") from error
    provider = TracerProvider(resource=Resource.create({"service.name": "recommender", "service.version": __version__}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def observe_spans(provider: TracerProvider, observe: Observe) -> Observe:
    """Return a function that makes a span of each stage of a query, below the request's, and passes it to `observe`."""
    tracer = provider.get_tracer("recommender", __version__)

    def observe_stage(stage: str, seconds: float) -> None:
        observe(stage, seconds)
        end = time.time_ns()
        tracer.start_span(stage, start_time=end - int(seconds * 1e9)).end(end)

    return observe_stage


def trace_requests(app: FastAPI, provider: TracerProvider) -> None:
    """Make each request of an application a span, named by its route."""
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

    FastAPIInstrumentor.instrument_app(
        app, tracer_provider=provider, excluded_urls=UNTRACED, exclude_spans=["receive", "send"]
    )
