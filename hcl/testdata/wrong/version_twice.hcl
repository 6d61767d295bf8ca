module "catalogue" {
  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9101"]
  }
  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9102"]
  }
  version "1.0.0+debian" {
    upstreams = ["http://127.0.0.1:9103"]
  }
}
