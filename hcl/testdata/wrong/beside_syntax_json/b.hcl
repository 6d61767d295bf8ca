# The gateway's block is here, and the defaults are not.
gateway {
  listen = "127.0.0.1:9140"
}

process "journal" {
  command = ["/bin/journal"]
  port    = 9140
  dir     = local.home
}

module "journal" {
  adapter   = "dialect"
  update    = "on-takeover"
  grace     = "45m"
  grace_min = "1h"
  start_ttl = "0s"

  version "1.0.0" {
    upstreams = ["http://127.0.0.1:${var.port}"]

    requires "catalogue" {}
  }
}
