module "circulation" {
  update     = "on-takover"
  run_header = "Content-Type"

  probe {
    type     = "https"
    interval = "2s"
    timeout  = "5s"
  }

  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9201", "http://127.0.0.1:9202"]
    egress    = ["127.0.0.1:9130"]

    probe {
      fall = 0
    }
  }
  version "2.0.0" {
    upstreams = ["http://127.0.0.1:9203"]
    egress    = ["9303"]
  }
}
