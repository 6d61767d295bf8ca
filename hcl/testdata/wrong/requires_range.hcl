module "loans" {
  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9101"]

    requires "catalogue" { range = ">> 1" }
    requires "members" {
      range  = ">= 1.0"
      scheme = "folio"
    }
    requires "a member" {}
  }
}
