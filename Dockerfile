# One image for the three services and the command; docker-compose.yml says which one runs.
FROM python:3.13-slim
WORKDIR /app
RUN useradd --create-home --uid 10001 mti && mkdir /data && chown mti /data
COPY requirements/runtime.txt requirements/runtime.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY libs libs
COPY services services
RUN pip install --no-cache-dir --no-deps --no-build-isolation \
    ./libs/common ./libs/servicebus-local ./libs/simulators ./libs/operations ./libs/stack ./libs/deployment ./libs/functions ./libs/simulation ./libs/cli \
    ./services/fetcher ./services/normalizer ./services/publisher
USER mti
VOLUME /data
ENTRYPOINT ["python", "-m"]
