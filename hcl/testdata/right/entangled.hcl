# What each block says is right only with what the others say.
variable "home" {
  default = "127.0.0.1"
}

locals {
  name = "shelves"
}

locals {
  origin = "http://${var.home}"
}

gateway {
  listen   = "127.0.0.1:9230"
  data_dir = "state"
  plugins  = "plugins"

  control {
    listen = "127.0.0.1:9231"
  }
  parking {
    per_module = 50000
    per_caller = 20000
  }
}

defaults {
  absence_max = "2h"
  grace       = "5s"

  probe {
    type     = "http"
    interval = "1m"
  }
  bounds {
    ttl   = ["0s", "2h"]
    grace = ["0s", "1h"]
  }
}

process "shelves" {
  command = ["/bin/shelves"]
  module  = "shelves"
  port    = 9130
}

module "shelves" {
  adapter = "dialect"
  update  = "on-takeover"
  grace   = "45m"
  ttl     = "1h"

  parking {
    per_module = 40000
    per_caller = 4000
  }
  version "1.0.0" {
    upstreams = ["${local.origin}:9130"]
    egress    = ["127.0.0.1:9131"]
    routes    = ["/shelves"]

    probe {
      timeout = "30s"
    }
    requires "catalogue" {
      range = "2.0"
    }
  }
}

module "catalogue" {
  replaces = ["cards"]

  parking {
    per_caller = 15000
  }
  version "2.0.0" {
    upstreams = ["${local.origin}:9140"]
    routes    = ["/items", "/${local.name}/{id}"]
  }
}

module "cards" {
  replaces = ["index"]
}

module "index" {
  version "1.0.0" {
    upstreams = ["${local.origin}:9150"]
    routes    = ["/items"]
  }
}
