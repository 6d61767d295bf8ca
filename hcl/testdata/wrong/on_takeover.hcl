module "circulation" {
  update = "on-takeover"

  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9201"]
  }
}
