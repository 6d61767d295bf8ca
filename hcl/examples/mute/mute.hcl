# Two modules that know nothing of modgate, in front of which it stands all the
# same. README.md walks through it.

gateway {
  listen   = "127.0.0.1:9150"
  data_dir = "../../../.run/mute"

  control {
    listen = "127.0.0.1:9151"
  }
}

# How every process is asked whether it can serve.
defaults {
  grace = "10s"

  probe {
    type     = "http"
    path     = "/admin/health"
    interval = "1s"
    timeout  = "500ms"
  }
}

# Only other modules may ask for secrets. They bear no token; where their
# requests arrive says who they are.
module "secrets" {
  callers = "identified"

  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9161"]
    routes    = ["GET /secrets/*"]
  }
}

module "notes" {
  run_header = "X-Request-Id" # notes passes it on by itself

  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9162"]
    egress    = ["127.0.0.1:9172"] # where this process finds other modules
    routes    = ["GET /notes/*"]
  }

  # It is known, and nobody waits for it until it turns healthy.
  version "2.0.0" {
    upstreams = ["http://127.0.0.1:9163"]
    egress    = ["127.0.0.1:9173"]
    routes    = ["GET /notes/*"]
  }
}

# A process belongs to the version that has its port. Each finds in its
# environment PORT, and MODGATE_DATA: its egress, or the data listener.

process "secrets" {
  module  = "secrets"
  command = ["../../../.build/plain", "-name", "secrets"]
  port    = 9161
}

process "notes-1" {
  module  = "notes"
  command = ["../../../.build/plain"]
  port    = 9162
}

process "notes-2" {
  module    = "notes"
  command   = ["../../../.build/plain", "-version", "2.0.0", "-warm-up", "2s"]
  port      = 9163
  autostart = false
}
