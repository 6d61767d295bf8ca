module "catalogue" {
  paths = ["/items/{id}"]

  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9101"]
    routes    = ["/items/{id}"]
  }
}
