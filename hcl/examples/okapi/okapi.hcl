# Two modules of FOLIO's kind, unmodified, behind the adapter okapi. README.md
# walks through it.

gateway {
  listen   = "127.0.0.1:9180"
  data_dir = "../../../.run/okapi"
  plugins  = "../../../.build/plugins" # make plugins

  control {
    listen = "127.0.0.1:9181"
  }
}

# One text for all modules, so that they share the adapter's instances.
locals {
  okapi = jsonencode({
    tenants    = ["diku", "central"]
    parameters = { loadReference = "true" }
  })
}

defaults {
  probe {
    type     = "http" # the adapter asks for /admin/health
    interval = "1s"
    timeout  = "500ms"
  }
}

module "mod-users" {
  update     = "on-takeover"
  adapter    = "okapi"
  run_header = "X-Okapi-Request-Id"

  plugin {
    config = local.okapi
  }

  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9191"]
    egress    = ["127.0.0.1:9185"] # its X-Okapi-Url
    routes    = ["/users/*"]
  }
}

module "mod-loans" {
  update     = "on-takeover"
  adapter    = "okapi"
  run_header = "X-Okapi-Request-Id"

  plugin {
    config = local.okapi
  }

  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9192"]
    egress    = ["127.0.0.1:9186"]
    routes    = ["/loans/*"]
  }

  version "2.0.0" {
    upstreams = ["http://127.0.0.1:9193"]
    egress    = ["127.0.0.1:9187"]
    routes    = ["/loans/*"]
  }
}

# The processes stand in for FOLIO's: they know Okapi's headers and tenant
# interface, and refuse what such modules would.

process "users" {
  module  = "mod-users"
  command = ["../../../.build/folio", "-id", "mod-users-1.0.0", "-path", "/users", "-data", "../../../.run/okapi/users.json"]
  port    = 9191
}

process "loans-1" {
  module  = "mod-loans"
  command = ["../../../.build/folio", "-id", "mod-loans-1.0.0", "-data", "../../../.run/okapi/loans.json"]
  port    = 9192
}

# Its migration takes two seconds for each tenant. In the middle of it it asks
# for something of mod-users, which asks it back.
process "loans-2" {
  module    = "mod-loans"
  command   = ["../../../.build/folio", "-id", "mod-loans-2.0.0", "-data", "../../../.run/okapi/loans.json", "-migration", "2s", "-ask", "/users/7?ask=/loans/back"]
  port      = 9193
  autostart = false
}
