module "members" {
  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9102"]
    routes    = ["/loans/*"]
  }
}
