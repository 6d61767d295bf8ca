module "catalogue" {
  version "1.0" {
    upstreams = ["http://127.0.0.1:9101"]
  }
  version "v2.0.0" {
    upstreams = ["http://127.0.0.1:9102"]
  }
  version {
    upstreams = ["http://127.0.0.1:9103"]
  }
}
