module "catalogue" {
  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9101"]

    provides "items" {}
    provides "the items" { version = "1.0" }
    provides "holdings" { version = "new" }
    provides "authors" { version = "1.0" }
    provides "authors" { version = "2.0" }
  }
}
