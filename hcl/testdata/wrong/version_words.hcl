module "loans" {
  upstreams = ["http://127.0.0.1:9101"]

  verison "1.0.0" {}
  version "1.1.0" {
    upstream = "http://127.0.0.1:9101"
    range    = "1.0"
    grace    = "30s"

    provide "fines" { version = "1.0" }
    requires "members" { rnage = "1.0" }
  }
  requires "catalogue" {}
}

version "1.0.0" {}
