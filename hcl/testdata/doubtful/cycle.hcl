module "catalogue" {
  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9101"]

    provides "items" { version = "1.0" }
    requires "loans" {}
    requires "catalogue" {}
  }
}

module "loans" {
  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9102"]

    requires "members" {}
  }
}

module "members" {
  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9103"]

    requires "items" {
      range = "1.0"
      kind  = "interface"
    }
  }
}

module "search" {
  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9104"]

    requires "items" { range = "1.0" }
  }
}
