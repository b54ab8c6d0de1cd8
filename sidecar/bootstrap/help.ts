/** Printed by `--help`. */
export const helpText = `Heddle's proxy: a sidecar beside one process, or a gateway at the edge.

Usage: heddle sidecar --name NAME --trust-bundle FILE [flags]       configured by the control plane
       heddle sidecar -c FILE [--mode serve|validate] [flags]       configured by an Envoy bootstrap

Who it is
  --mode sidecar|gateway       (sidecar)
  --name NAME                  name of the workload, unique in its namespace
  --namespace NAMESPACE        (default)
  --service-account NAME       identity asked for (the service's name, or "default")
  --label KEY=VALUE            label of the workload; repeatable
  --service NAME               make this Service when there is none

What it stands beside (sidecar)
  --port [NAME=]PORT[/http|http2|grpc|tcp][:SERVICE_PORT]
                               a port of the application on 127.0.0.1; repeatable
  --inbound-port PORT          where mTLS for it is accepted, in the order of --port; 0 picks a free one
  --address IP                 address bound and told to others (127.0.0.1)
  --outbound-port PORT         forward proxy on 127.0.0.1 (15001); 0 picks a free one, -1 is off
  --upstream SERVICE[.NAMESPACE][:PORT]=LOCAL_PORT
                               reach a service at 127.0.0.1:LOCAL_PORT; repeatable; 0 picks a free port

What it serves (gateway)
  --gateway NAMESPACE/NAME     the Gateway resource

Control plane and identity
  --control-plane HOST:PORT    (127.0.0.1:15012)
  --trust-bundle FILE          roots of the trust domain, PEM
  --join-token TOKEN           single-use token for the first certificate
  --join-token-file FILE       the same, read when needed
  --state-dir DIR              keeps identity and last good configuration over a restart

What it tells
  --admin-port PORT            (15000); 0 picks a free one, -1 is off
  --otlp URL                   where spans go (http://127.0.0.1:15014); empty for nowhere
  --trace-sample SHARE         share of new traces, 0 to 1 (1)
  --access-log -|FILE|off      (off)
  --access-log-sample SHARE    (1)
  -l, --log-level LEVEL        debug, info, warn, error or off (info)

How many
  --concurrency N              processes that share the ports and carry the traffic; 0 is one for each core
                               (a sidecar 1, a gateway one for each core, an Envoy bootstrap 1)

Its end
  --drain-seconds SECONDS      for requests under way after SIGTERM (30)
  --exit-with-parent           end when standard input closes

Also
  --defaults                   print every default with its reason, as JSON; heddle defaults shows a table

When its listeners are up it prints one line of JSON on standard output.
Exit codes: 0 ended as asked, 1 failed, 64 bad flags or bad configuration.

From an Envoy bootstrap
  -c, --config-path FILE       YAML or JSON, envoy.config.bootstrap.v3.Bootstrap; docs/envoy-compatibility.md
                               lists what is supported. Files in it are relative to the working directory
  --config-yaml TEXT           the same, in the flag itself
  --mode serve|validate        (serve); validate checks all of it, binds nothing, and ends with 0 or 64
  --service-node ID            instead of node.id
  --service-cluster NAME       instead of node.cluster
  --drain-time-s SECONDS       as --drain-seconds
  Also --concurrency, --otlp (default empty), --trace-sample, --access-log, --access-log-sample, --log-level, --exit-with-parent, as
  above. Envoy's --base-id, --use-dynamic-base-id and --disable-hot-restart are taken and mean nothing: there is no
  hot restart. Admin port, listeners, clusters and certificates are those of the file; port 0 picks a free one.

Examples:
  heddle sidecar --name cart-1 --service cart --port 3000:80 --trust-bundle trust-bundle.pem --join-token-file token
  heddle sidecar --name web-1 --service web --port 8080 --upstream cart=7001 --upstream redis:6379=7002 \\
    --trust-bundle trust-bundle.pem --join-token-file token
  heddle sidecar --mode gateway --name edge-1 --gateway shop/edge --service-account edge \\
    --trust-bundle trust-bundle.pem --join-token-file token
  heddle sidecar --mode validate -c envoy.yaml
  heddle sidecar -c envoy.yaml --access-log - --log-level warn
`;
