# The release program with its site: `docker build -t parley .`, then `docker run -p 3000:3000 -v parley:/data parley`.
# Whoever reaches it by a name other than localhost needs `-e PARLEY_PUBLIC_URL=https://chat.example.org` besides, or every
# form is refused.
FROM rust:1-trixie AS build
RUN apt-get update && apt-get install -y --no-install-recommends nodejs npm && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN make build

FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
 && useradd --system --home-dir /data --create-home parley
COPY --from=build /src/target/parley /opt/parley
USER parley
WORKDIR /data
ENV PARLEY_BIND=0.0.0.0:3000 PARLEY_DATA_DIR=/data PARLEY_SITE_ROOT=/opt/parley/site
VOLUME /data
EXPOSE 3000
ENTRYPOINT ["/opt/parley/parley"]
CMD ["serve"]
