# The image in which the work pool `mtmm-docker` of prefect.yaml runs flows; docs/image.md tells how to build and use it.
#   docker build --build-arg PIP_EXTRA_INDEX_URL=INDEX --tag mtmm-video:latest .
# INDEX: the one with CPU builds of PyTorch (pytorch.org, "Get started").

# The lock file was made with Python 3.11. A tag without the name of a Debian release moves to the next one by itself.
ARG BASE=python:3.11-slim-bookworm

# What the package needs, at the locked versions. Changes with constraints.txt and pyproject.toml only.
FROM ${BASE} AS dependencies
# A pip configuration of your own (index, proxy, certificates): --secret id=pip.conf,src=FILE. It stays out of the image.
ENV PIP_CONFIG_FILE=/run/secrets/pip.conf PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
ARG PIP_EXTRA_INDEX_URL
RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:${PATH}
WORKDIR /build
COPY constraints.txt ./
# PyTorch alone and first: the build stops here, before gigabytes of CUDA are fetched, where no index has the build wanted.
ARG TORCH_BUILD=+cpu
RUN --mount=type=secret,id=pip.conf \
    sed "s/^torch==.*/&${TORCH_BUILD}/" constraints.txt > locked.txt \
    && pip install --constraint locked.txt torch \
    || { echo "No index has this PyTorch as '${TORCH_BUILD}'; docs/image.md, 'Build', names the two ways out." >&2; exit 1; }
COPY pyproject.toml ./
# openai-whisper asks for triton, a compiler for graphics processors of 1 GB, which nothing uses without CUDA.
RUN --mount=type=secret,id=pip.conf \
    python -c 'import tomllib; t = tomllib.load(open("pyproject.toml", "rb")); \
print(*t["build-system"]["requires"], *t["project"]["dependencies"], sep="\n")' > requirements.txt \
    && pip install --constraint locked.txt --requirement requirements.txt \
    && if [ "${TORCH_BUILD}" = +cpu ]; then pip uninstall --yes triton; fi

# The pretrained weights. Only the modules that fetch them: a change elsewhere in the code does not fetch them again.
FROM dependencies AS weights
COPY src/ src/
COPY foundation/ foundation/
COPY pipeline/__init__.py pipeline/
COPY pipeline/weights/ pipeline/weights/
RUN --mount=type=secret,id=pip.conf \
    PYTHONPATH=src MTMM_CACHE_DIR=/fetched \
    python -c 'from mtmm_video.pipeline.weights import resolution as w; [w.fetch(name) for name in w.MANIFEST]'

FROM dependencies AS package
COPY pyproject.toml README.md LICENSE ./
COPY src/ src/
COPY foundation/ foundation/
COPY extractors/ extractors/
COPY model/ model/
COPY pipeline/ pipeline/
COPY flows/ flows/
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /dist .

FROM ${BASE}
LABEL org.opencontainers.image.title="mtmm-video" \
      org.opencontainers.image.description="A raw talking video in, labelled utterances out" \
      org.opencontainers.image.version="0.1.0"
# No Debian package is needed: OpenCV is the headless build, ffmpeg comes with the Python packages.
RUN install --directory --mode=1777 /data
COPY --from=weights /fetched/weights /opt/weights
COPY --from=dependencies /opt/venv /opt/venv
# HOME: Prefect, numba and matplotlib keep files there. /tmp is there for every user, also when the rest is read-only.
ENV PATH=/opt/venv/bin:${PATH} HOME=/tmp MTMM_WEIGHTS_DIR=/opt/weights MTMM_CACHE_DIR=/data/cache
RUN --mount=type=bind,from=package,source=/dist,target=/dist pip install --no-cache-dir --no-index --no-deps /dist/*.whl
USER 1000:1000
WORKDIR /data
VOLUME /data
# No entry point: Prefect's worker starts `prefect flow-run execute`, a user `mtmm-video analyze`.
CMD ["mtmm-video", "--help"]
