defaults {
  probe {
    type = "http"
    path = "admin/health"
  }
}

# It inherits what is wrong, and does not repeat it.
module "circulation" {
  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9201"]
  }
}
