module "catalogue" {
  version "1.0.0" {
    upstreams = [
      "127.0.0.1:9101",
      "http://127.0.0.1:9102/items",
      "http://127.0.0.1:9103",
    ]
  }
  version "2.0.0" {
    upstreams = ["http://127.0.0.1:9103"]
  }
}
