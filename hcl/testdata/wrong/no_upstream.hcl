module "catalogue" {
  version "1.0.0" {
    routes = ["/items/*"]
  }
  version "2.0.0" {
    upstreams = []
  }
}
