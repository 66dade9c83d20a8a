# Agent Store in a container: one command for each shard, and one for the lake. See docs/cluster.md.
#
#   docker build -t agent-store .
#   docker build -t agent-store --build-arg EXTRAS="lake cluster embeddings" .
ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ARG UV_VERSION=0.13.9
ARG EXTRAS="lake cluster"
ENV UV_PROJECT_ENVIRONMENT=/opt/agent-store \
    UV_PYTHON_DOWNLOADS=never \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1
SHELL ["/bin/sh", "-eu", "-c"]
RUN pip install --no-cache-dir "uv==${UV_VERSION}"
WORKDIR /src
COPY pyproject.toml uv.lock README.md LICENSE ./
# What it depends on is a layer of its own, which stays while uv.lock does.
RUN for extra in ${EXTRAS}; do set -- "$@" --extra "${extra}"; done; \
    uv sync --quiet --frozen --no-dev --no-install-project --compile-bytecode "$@"
COPY dbt_project.yml profiles.yml selectors.yml ./
COPY agent_store/ agent_store/
COPY ingest/ ingest/
COPY models/ models/
COPY macros/ macros/
COPY seeds/ seeds/
COPY analyses/ analyses/
COPY tests/generic/ tests/generic/
COPY tests/invariants/ tests/invariants/
COPY sample/home/ sample/home/
COPY plugin/ plugin/
RUN for extra in ${EXTRAS}; do set -- "$@" --extra "${extra}"; done; \
    uv sync --quiet --frozen --no-dev --no-editable --compile-bytecode "$@"

FROM ${PYTHON_IMAGE}
# The volume of the stores belongs to this user; Kubernetes gives it by fsGroup.
RUN groupadd --gid 10001 agent-store \
    && useradd --uid 10001 --gid 10001 --create-home agent-store \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=build /opt/agent-store /opt/agent-store
# Below the volume, whose own folder may belong to somebody else.
ENV PATH=/opt/agent-store/bin:${PATH} \
    AGENT_STORE_HOME=/data/home \
    DO_NOT_TRACK=1 \
    DBT_SEND_ANONYMOUS_USAGE_STATS=False
USER 10001:10001
WORKDIR /data
VOLUME /data
ENTRYPOINT ["agent-store"]
CMD ["--help"]
