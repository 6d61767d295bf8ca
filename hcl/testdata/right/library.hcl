# A configuration that says everything.
variable "host" {
  type        = string
  default     = "127.0.0.1"
  description = "where all listen"
}

locals {
  port  = 9130 + 100
  names = { for n in ["a", "b"] : n => upper(n) }
}

gateway {
  listen        = "${var.host}:${local.port}"
  data_dir      = "state"
  policies      = "policies"
  tenant_header = "X-Okapi-Tenant"
  plugins       = "plugins"
  join_secret   = file("join.secret")
  settle        = "5s"

  https {
    certificates        = ["tls/library.pem", "tls/archive.pem"]
    keys                = ["tls/library.key", "tls/archive.key"]
    min_version         = "1.3"
    client_authorities  = "tls/clients.pem"
    client_certificates = "optional"
  }
  upstream {
    authorities = "tls/modules.pem"
    certificate = "tls/gateway.pem"
    key         = "tls/gateway.key"

    connections  = 50
    slow_start   = "1m"
    failures     = 3
    ejection     = "10s"
    retries      = 2
    retry_budget = 10
  }
  control {
    listen      = "[::]:9131"
    certificate = "tls/cert.pem"
    key         = "tls/key.pem"
  }
  limits {
    head        = "32KiB"
    body        = "2MiB"
    connections = 500
    streams     = 100
  }
  parking {
    per_module = 100
    per_caller = 10
    bytes      = "1 MiB"
  }
  timeouts {
    connect    = "500ms"
    first_byte = "90s"
    idle       = "1m30s"
    stream     = "2h"
    request    = "10m"
    read_head  = "5s"
    shutdown   = "0s"
  }
  trusted_proxies = ["10.0.0.0/8", "2001:db8::7"]
  cors {
    origins = ["https://library.example"]
  }
  alerts {
    unresolved = "2m"
  }
}

defaults {
  ttl          = "20s"
  absence_max  = "1h"
  update_ttl   = "5m"
  grace        = "45s"
  grace_min    = "1s"
  stream_grace = "2s"
  start_ttl    = "2m"
  lease        = "15s"

  takeover {
    instances = 2
  }
  release {
    rate     = 500
    max_rate = 2000
  }
  bounds {
    ttl   = ["1s", "1h"]
    grace = ["0s", "1h"]
    lease = ["5s", "1m"]
  }

  update_probe_failures = 20
  probe {
    type     = "http"
    path     = "/health?full=no"
    interval = "10s"
    timeout  = "3s"
    jitter   = 0
    rise     = 2
    fall     = 4
  }
}

module "catalogue" {
  ttl           = null
  grace         = "10s"
  routing       = "highest"
  callers       = "identified"
  on_delay      = "reply"
  policy        = "patient"
  adapter       = "dialect"
  run_header    = "X-Run"
  join_secret   = "only for the catalogue"
  paths         = ["/items/{id}", "/items"]
  replaces      = ["cards", "shelf-list"]
  webhook_hosts = ["hooks.example:8443"]

  parking {
    per_module = 50
    per_caller = 5
  }
  plugin {
    sha256           = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    config           = jsonencode({ tenant = "diku" })
    on_error         = "skip"
    exclusive        = true
    memory           = "32MiB"
    body             = "2MiB"
    shared           = "64KiB"
    start_budget     = "5s"
    request_budget   = "2ms"
    lifecycle_budget = "20ms"
    probe_budget     = "3ms"
  }
}

module "loans" {
  update  = "on-takeover"
  adapter = "other"

  takeover {
    instances = 1
  }

  version "1.4.0" {
    upstreams = ["http://${var.host}:9102", "http://${var.host}:9103"]
    protocol  = "h2c"
    egress    = ["127.0.0.1:9202", "[::1]:9203"]
    routes    = ["GET /due", "/files/*"]
    scheme    = "folio"

    provides "loans" {
      version = "2.1"
      routes  = ["GET POST /loans", "GET PUT DELETE /loans/{id}"]
    }
    provides "fines" { version = "1.0" }

    requires "catalogue" {
      range    = ">= 1.4, < 3"
      scheme   = "semver"
      kind     = "module"
      optional = true
    }
    requires "loans" { range = "1.3 2.0" }

    update_probe_failures = 3
    probe {
      type = "tcp"
    }
  }
  version "2.0.0-rc.1" {
    upstreams = ["http://${var.host}:9104"]
  }
}

process "catalogue" {
  module       = "catalogue"
  command      = ["./bin/catalogue", "-v", local.names.a]
  environment  = { LANG = "C", RETRIES = 3 }
  dir          = "run"
  port         = 9101
  restart      = "always"
  autostart    = false
  stop_timeout = "3s"

  backoff {
    min = "100ms"
    max = "2s"
  }
}

process "loans" {
  command = ["loans"]
}
