# Warnings stand beside errors, unless they may be about what was not read.
gateway {
  listen = "nowhere"
}

module "catalogue" {
  ttl    = "soon"
  policy = "patient"

  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9101"]

    provides "items" { version = var.items }
    provides "holdings" { version = "1.0" }
    requires "loans" {}
    requires "tags" {}
  }
}

module "loans" {
  update = "on-takeover"
  grace  = "-5s"
  colour = "blue"
}

module "search" {
  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9102"]

    requires "items" { range = "1.0" }
    requires "holdings" { range = "2.0" }
    requires "catalogue" { range = 3 + "x" }
    requires "members" { optional = "perhaps" }
  }
}
