module "ldp" {
  replaces = ["reporting"]

  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9101"]
    routes    = ["GET /ldp/db/tables", "POST /ldp/db/query"]
  }
}

# Takes over from ldp, and says so by a circle.
module "reporting" {
  replaces = ["old ldp", "reporting", "views", "views"]

  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9102"]
    routes    = ["GET /ldp/db/tables", "/reports/*"]
  }
}

# Takes over from reporting, and not from charts.
module "views" {
  replaces = ["ldp", "reports"]

  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9103"]
    routes    = ["/reports/*", "/charts"]
  }
}

module "charts" {
  replaces = ["views-of-old"]

  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9104"]
    routes    = ["/charts"]
  }
}
