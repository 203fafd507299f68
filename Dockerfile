# One image for the three services and the command; docker-compose.yml says which one runs.
#
# The base is pinned by the digest of its index, which serves each architecture: python:3.13-slim with Python 3.13.14. To move
# it: docker buildx imagetools inspect python:3.13-slim
ARG PYTHON=python:3.13-slim@sha256:6771159cd4fa5d9bba1258caf0b82e6b73458c694d178ad97c5e925c2d0e1a91

FROM ${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/mti
WORKDIR /build
COPY requirements/runtime.txt requirements/runtime.txt
RUN /opt/mti/bin/pip install --require-hashes -r requirements/runtime.txt
COPY libs libs
COPY services services
RUN /opt/mti/bin/pip install --no-deps --no-build-isolation \
    ./libs/common ./libs/servicebus-local ./libs/simulators ./libs/operations ./libs/stack ./libs/deployment ./libs/functions ./libs/simulation ./libs/console ./libs/cli \
    ./services/fetcher ./services/normalizer ./services/publisher

FROM ${PYTHON}
RUN useradd --create-home --uid 10001 mti && mkdir /data && chown 10001:10001 /data
COPY --from=build /opt/mti /opt/mti
ENV PATH=/opt/mti/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /data
# By number, so that a cluster that refuses root can see that it is none.
USER 10001:10001
VOLUME /data
ENTRYPOINT ["python", "-m"]
