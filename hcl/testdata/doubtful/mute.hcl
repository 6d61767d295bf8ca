module "circulation" {
  update = "on-takeover"

  probe {
    path = "/admin/health"
  }
}

module "users" {
  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9201"]
    egress    = ["0.0.0.0:9301"]
  }
}

process "users-2" {
  module  = "users"
  command = ["users"]
  port    = 9202
}
