module "catalogue" {
  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9101"]
    routes    = ["GET POST /items", "GET /items/{id}"]
  }
}

module "shelves" {
  version "3.1.0" {
    upstreams = ["http://127.0.0.1:9102"]

    provides "shelves" {
      version = "1.0"
      routes = [
        "/shelves/*",
        "PUT GET /items/{barcode}",
      ]
    }
  }
}

module "search" {
  paths = ["/shelves/*"]
}
