# An image for Prefect's Docker work pool: the tested versions, the weights, and nothing that is fetched at run time.
#   docker build -t mtmm-video:latest .
FROM python:3.11-slim

# libgl1 and libglib2.0-0: OpenCV and MediaPipe. ffmpeg comes with the Python packages.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libegl1 libgl1 libgles2 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/mtmm-video
COPY . .
RUN pip install --no-cache-dir --constraint constraints.txt .

# Weights are part of the image: a container that starts must not need the network.
ENV MTMM_WEIGHTS_DIR=/opt/mtmm-video/weights MTMM_CACHE_DIR=/data/cache
RUN MTMM_CACHE_DIR=/fetched mtmm-video weights fetch && mv /fetched/weights "$MTMM_WEIGHTS_DIR" && rm -rf /fetched

VOLUME /data
ENTRYPOINT []
CMD ["mtmm-video", "--help"]
