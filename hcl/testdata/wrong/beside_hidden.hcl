# A block that was not read may be what others require: no word of them.
module "catalogue" {
  policy = "patient"

  versoin "1.0.0" {
    upstreams = ["http://127.0.0.1:9101"]
  }
}

module "search" {
  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9102"]

    requires "items" { range = "1.0" }
  }
}
