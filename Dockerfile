# The agent and the command-line program as static binaries in an empty image.
# docker build -t ankra-agent .

FROM rust:1.95-slim-bookworm AS build
# aws-lc and ring compile a little C; the certificates are for calls to registries.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates cmake gcc libc6-dev make perl \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# A target that is named keeps the flag away from build scripts and macros, which
# cannot be static. A fixed address spares setting thirty thousand of them at each
# start. Naming the machine's own builds the image for what builds it.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    target="$(rustc -vV | sed -n 's/^host: //p')" \
 && RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static" \
    cargo build --release --locked --target "$target" --bin ankra-agent --bin ankra-helm \
 && mkdir -p /image/bin /image/etc/ssl/certs /image/tmp \
 && cp "target/$target/release/ankra-agent" "target/$target/release/ankra-helm" /image/bin/ \
 && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
 && printf 'nonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n' > /image/etc/passwd \
 && printf 'nonroot:x:65532:\n' > /image/etc/group \
 && chmod 1777 /image/tmp

FROM scratch
COPY --from=build /image/ /
ENV PATH=/bin HOME=/tmp SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/bin/ankra-agent"]
