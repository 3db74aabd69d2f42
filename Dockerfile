# The image of `node handler`: Node, two files, and what is to be known of them. Any builder of OCI images builds it;
# nothing in the last stage runs, so that an image for other platforms is a matter of copying those files.

# Both may be replaced. What the first needs is npm, what the second needs is a `node` on the path below. Both are tags, so
# that a build has the fixes of its day: a digest, node@sha256:…, makes it the same image each time.
ARG BUILD_IMAGE=node:26-slim
ARG BASE_IMAGE=node:26-slim

FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
# For a registry of one's own, pass an .npmrc as the secret `npmrc`.
RUN --mount=type=secret,id=npmrc --mount=type=cache,target=/npm-cache \
    NPM_CONFIG_USERCONFIG=/run/secrets/npmrc npm ci --cache /npm-cache --ignore-scripts --no-audit --no-fund
COPY . .
RUN node build.mjs /out && node release/sbom.mjs /out

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="active-passive" \
      org.opencontainers.image.description="Active/passive load balancing for Kubernetes Services: exactly one pod receives the traffic, the others wait" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
# Where Node images have it: Debian's and Alpine's in /usr/local, distroless ones in /nodejs.
ENV PATH=/usr/local/bin:/nodejs/bin:/usr/bin:/bin
COPY --from=build /out/main.cjs /active-passive.cjs
COPY --from=build /out/program.cjs /program.cjs
# The licences of all that the program is made of, and the list of it (CycloneDX).
COPY --from=build /src/LICENSE /out/LICENSES /out/sbom.json /licenses/
USER 65532:65532
ENTRYPOINT ["node", "/active-passive.cjs"]
