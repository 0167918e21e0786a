# One static binary and nothing else: no shell, no package manager, no user but its own.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# .git is in the context, so the binary knows its version and commit.
RUN CGO_ENABLED=0 go build -trimpath -pgo=deploy/sipward.pgo -ldflags="-s -w" -o /out/sipward ./cmd/sipward \
 && mkdir -p /out/data /out/tmp \
 && chmod 0700 /out/data && chmod 1777 /out/tmp \
 && echo "sipward:x:65532:65532::/data:/sipward" > /out/passwd

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/passwd /etc/passwd
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /out/tmp /tmp
COPY --from=build /out/sipward /sipward
# All ports are above 1023, so no capability is needed to bind them.
USER 65532:65532
ENV SIPWARD_DATA_DIR=/data
VOLUME /data
# SIP over UDP and TCP, TLS, WSS; node to node; HTTPS for phones; admin; metrics; media (20000 to 29999 over UDP too).
EXPOSE 5060/udp 5060/tcp 5061/tcp 5062/tcp 5070/tcp 8443/tcp 8080/tcp 9090/tcp
# The doctor asks the running server itself, its store, its certificates and its clock.
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s CMD ["/sipward", "doctor"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/sipward"]
CMD ["serve"]
