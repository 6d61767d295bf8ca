# Each of these may be served; what is said of it may be meant.
module "catalogue" {
  version "1.4.0" {
    upstreams = ["http://127.0.0.1:9101"]

    provides "items" { version = "1.3" }
    provides "holdings" { version = "4.0" }
  }
  version "2.0.0" {
    upstreams = ["http://127.0.0.1:9102"]

    provides "items" { version = "2.0" }
  }
}

module "loans" {
  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9103"]

    requires "itms" { range = "1.0" }
    requires "items" { range = "3.0" }
    requires "holdings" {
      range    = "5.0 6.0"
      scheme   = "folio"
      optional = true
    }
    requires "catalogue" {
      range = ">= 3"
      kind  = "module"
    }
    requires "shelves" { optional = true }
    requires "members" { range = "1.0" }
  }
}

module "members" {} # it says what it provides when it registers
