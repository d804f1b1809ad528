# The web page of all models, on port 7860, without a network and without root:
#   docker build -t ganzoo .
#   docker run --rm -p 7860:7860 ganzoo
# A public host name must be allowed: docker run -e GANZOO_ALLOWED_HOSTS=demo.example.org ...

FROM python:3.12-slim AS build
WORKDIR /source
# Only what the package is built from.
COPY setup.py pyproject.toml README.md LICENSE ./
COPY ganzoo ganzoo
COPY demos demos
COPY zoo_configs zoo_configs
RUN python -m venv /opt/ganzoo \
    && /opt/ganzoo/bin/pip install --no-cache-dir ".[demo]"

FROM python:3.12-slim
COPY --from=build /opt/ganzoo /opt/ganzoo
RUN useradd --create-home --uid 1000 ganzoo
USER 1000
WORKDIR /home/ganzoo
ENV PATH=/opt/ganzoo/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TF_CPP_MIN_LOG_LEVEL=2 \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['GRADIO_SERVER_PORT']}/config\", timeout=4)"]
CMD ["ganzoo", "demo"]
