# Two images: `docker build --target serve .` answers queries and runs the worker, without torch;
# `docker build --target train .` also fine-tunes, and reads Parquet. Both run as a user of their own and write to /data
# alone. What may encode an index in one is in the other too: a worker that lacks it can't continue the index.
FROM python:3.11-slim AS wheel
WORKDIR /source
RUN pip install --no-cache-dir build==1.3.0
COPY pyproject.toml README.md LICENSE ./
COPY recommender recommender
COPY migrations migrations
COPY seed seed
RUN python -m build --wheel --outdir /wheels

# Symbols, tests and the copy of ONNX Runtime for programs in C are a fifth of what is installed, and no service reads
# them. Compiled is what a service imports: it can't write that down itself, its root is read-only.
FROM python:3.11 AS packages
COPY constraints.txt /constraints.txt
COPY --from=wheel /wheels /wheels
RUN python -m venv --without-pip /opt/recommender \
    && pip --python /opt/recommender/bin/python install --no-cache-dir --no-compile -c /constraints.txt \
        "$(ls /wheels/*.whl)[serve,server,postgres,openvino]" \
    && find /opt/recommender -type d -name tests -prune -exec rm -rf {} + \
    && find /opt/recommender -name 'libonnxruntime.so.*' -delete \
    && find /opt/recommender -name '*.so' -not -path '*/numpy.libs/*' -exec strip --strip-unneeded {} + \
    && /opt/recommender/bin/python -c "import recommender.service.server, recommender.cli.serve, recommender.cli.worker, \
        recommender.ingestion.loop, recommender.index.server, psycopg, sqlalchemy.dialects.postgresql, openvino"

FROM python:3.11-slim AS serve
ENV PATH=/opt/recommender/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    RECOMMENDER_HOME=/data HF_HOME=/data/hub HOME=/data
COPY --from=packages /opt/recommender /opt/recommender
RUN useradd --uid 10001 --no-create-home --home-dir /data recommender \
    && install -d -o recommender -g recommender /data
USER 10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=300s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:8000/livez', timeout=2)"]
# A service that listens beyond its own machine needs a key: `recommender keys create NAME` in the same volume.
CMD ["recommender", "serve", "--host", "0.0.0.0"]

FROM serve AS train
USER 0
COPY constraints.txt /constraints.txt
COPY --from=wheel /wheels /wheels
RUN pip --python /opt/recommender/bin/python install --no-cache-dir "$(grep '^torch==' /constraints.txt)" \
    && pip --python /opt/recommender/bin/python install --no-cache-dir -c /constraints.txt \
        "$(ls /wheels/*.whl)[train,offline,openvino,serve,server,postgres,parquet]"
USER 10001
HEALTHCHECK NONE
CMD ["recommender", "finetune", "--if-changed", "10%"]
